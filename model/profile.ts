/**
 * Profiles: the time of every op of a call.
 *
 * @module
 */

import { type OpProfile, sizeOf } from "../kernels/mod.ts";

/** An op of a call. */
export interface ProfiledOp extends OpProfile {
  /**
   * Number of bands of rows that it was computed in, 1 unless there is a memory limit or the device is small. `shape`
   * is that of the largest band; times, operations and bytes are sums over all bands.
   */
  readonly bands: number;
}

/**
 * The result of {@linkcode VQModel.profile}. Converted to a string, it is a table.
 *
 * @example
 * ```ts
 * import { Tensor, VQModel } from "@codebook/vqmodel";
 * import { assertStringIncludes } from "@std/assert";
 *
 * using model = await VQModel.fromPretrained("examples/models/leaves-f4");
 * using sample = new Tensor(new Float32Array(3 * 32 * 32), [1, 3, 32, 32]);
 * const profile = await model.profile(sample, { rounds: 1 });
 * assertStringIncludes(`${profile}`, "GFLOP/s");
 * assertStringIncludes(`${profile}`, "encoder.down_blocks.0.resnets.0.conv1");
 * ```
 */
export class Profile {
  /** The engine, `"webgpu"` or `"wasm"`. */
  readonly device: "webgpu" | "wasm";
  /** Every op, in the order of execution. */
  readonly ops: readonly ProfiledOp[];

  /** A profile of these ops, such as those of another profile; ops of the same kind and name are bands of one. */
  constructor(device: "webgpu" | "wasm", ops: readonly (OpProfile & Partial<ProfiledOp>)[]) {
    this.device = device;
    this.ops = [...groupBy(ops, ({ op, name }) => `${op} ${name}`).values()].map(joinBands);
  }

  /** Milliseconds of all ops together. */
  get milliseconds(): number {
    return total(this.ops).milliseconds;
  }

  /** Two tables, one of the kinds of ops and one of all ops, both sorted by time. */
  toString(): string {
    const all = this.milliseconds;
    const table = (
      rows: readonly Row[],
    ) => [HEADER, ...rows.toSorted((a, b) => b.milliseconds - a.milliseconds).map((row) => cells(row, all))];
    const kinds = [...groupBy(this.ops, ({ op }) => op)].map(([op, ops]) => sumOf(op, ops));
    return align([...table([sumOf("all", this.ops), ...kinds]), [], ...table(this.ops)]);
  }
}

/** `Map.groupBy`, which Node 20 lacks. */
function groupBy<T, Key>(values: readonly T[], keyOf: (value: T) => Key): Map<Key, T[]> {
  const groups = new Map<Key, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}

function joinBands(parts: readonly (OpProfile & Partial<ProfiledOp>)[]): ProfiledOp {
  const largest = parts.reduce((a, b) => sizeOf(b.shape) > sizeOf(a.shape) ? b : a);
  const bands = parts.reduce((sum, { bands = 1 }) => sum + bands, 0);
  return { ...largest, ...total(parts), bands };
}

/** A line of a table: one op, or several. */
interface Row extends Omit<ProfiledOp, "op"> {
  readonly op: string;
}

const HEADER = ["op", "layer", "result", "ms", "%", "GFLOP/s", "GB/s"];
/** The first columns hold words and are left-aligned, the others hold numbers and are right-aligned. */
const WORDS = 3;

function sumOf(op: string, ops: readonly OpProfile[]): Row {
  return { op, name: `${ops.length}`, shape: [], bands: 1, ...total(ops) };
}

function cells({ op, name, shape, bands, milliseconds, flops, bytes }: Row, all: number): string[] {
  const rate = (amount: number) => amount > 0 && milliseconds > 0 ? (amount / milliseconds / 1e6).toFixed(1) : "";
  const share = (100 * milliseconds / all).toFixed(1);
  const result = `${bands > 1 ? `${bands} of ` : ""}${shape.join("×")}`;
  return [op, name, result, milliseconds.toFixed(2), share, rate(flops), rate(bytes)];
}

function total(ops: readonly OpProfile[]): Pick<OpProfile, "milliseconds" | "flops" | "bytes"> {
  const sum = (key: "milliseconds" | "flops" | "bytes") => ops.reduce((sum, op) => sum + op[key], 0);
  return { milliseconds: sum("milliseconds"), flops: sum("flops"), bytes: sum("bytes") };
}

function align(rows: readonly (readonly string[])[]): string {
  const widths = HEADER.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => i < WORDS ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join("  ").trimEnd();
  return rows.map(line).join("\n");
}

/** The ops of several runs of one program, each with its median time. */
export function medianOps(runs: readonly (readonly OpProfile[])[]): OpProfile[] {
  return runs[0].map((op, i) => {
    const times = runs.map((run) => run[i].milliseconds).sort((a, b) => a - b);
    return { ...op, milliseconds: times[Math.floor(times.length / 2)] };
  });
}

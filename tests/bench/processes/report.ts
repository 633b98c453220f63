// deno-lint-ignore-file no-console -- it prints a report
/**
 * What a program waits for and holds when it uses a model of 256×256 pixels once, or for batches: the CPU engine beside
 * onnxruntime-node, each in fresh processes, in turns. `wasm_models.ts` describes the options.
 */
import type { ModelHalf } from "../../../mod.ts";
import { makeFolder } from "../../support/folders.ts";
import { relativeError } from "../../support/golden.ts";
import { option } from "../models.ts";
import type { BatchTimes, Measured } from "./child.ts";
import { type EngineName, ENGINES } from "./engines.ts";
import { describeHost, hostLine } from "./host.ts";
import { medianOf, type Rounds, runInTurns } from "./run.ts";
import { storeModel } from "./stored_models.ts";

const SIDE = 256;
const threads = Number(option("threads", String(navigator.hardwareConcurrency)));
const rounds = Number(option("rounds", "3"));
const models = option("models", "vq-f4,amused,movq").split(",");
const json = Deno.args.includes("--json");

/** The figures of a start, by their headings. */
const FIGURES = {
  loadMs: "load",
  firstMs: "load, first encode and decode",
  loadCpuMs: "processor time of loading",
  firstCpuMs: "of all",
  residentBytes: "resident memory",
  peakBytes: "peak of it",
} as const;
type Figure = keyof typeof FIGURES;

/** Medians of the rounds. */
interface StartRow extends Record<Figure, number | null> {
  readonly model: string;
  readonly only: ModelHalf | null;
  readonly engine: EngineName;
  readonly weightsHeld: number | null;
  /** Medians of this engine's figures over the other's, of the rounds. */
  readonly ratios?: Record<Figure, number | null>;
  /** Relative difference of the latents. */
  readonly differ?: number;
}

/** Measures loading, the first results and memory. */
async function measureStart(folder: string): Promise<StartRow[]> {
  const parts: (ModelHalf | undefined)[] = Deno.args.includes("--only")
    ? [undefined, "encoder", "decoder"]
    : [undefined];
  const rows: StartRow[] = [];
  for (const model of models) {
    const stored = await storeModel(folder, model, SIDE);
    for (const only of parts) {
      const measured = startRows(model, only, await runInTurns({ threads, stored, only }, rounds));
      if (!json) measured.forEach((row) => console.log(startLine(row)));
      rows.push(...measured);
    }
  }
  return rows;
}

function startRows(model: string, only: ModelHalf | undefined, measured: Rounds): StartRow[] {
  const [ours, theirs] = ENGINES.map((engine) => measured[engine]);
  const figures = (pick: (figure: Figure) => number | null) => {
    const values = Object.keys(FIGURES).map((figure) => [figure, pick(figure as Figure)]);
    return Object.fromEntries(values) as Record<Figure, number | null>;
  };
  const ratioOf = (figure: Figure) => (round: Measured, i: number) => quotient(round[figure], theirs[i][figure]);
  return ENGINES.map((engine) => ({
    model,
    only: only ?? null,
    engine,
    ...figures((figure) => medianOf(measured[engine], (round) => round[figure])),
    weightsHeld: medianOf(measured[engine], ({ weightsHeld }) => weightsHeld),
    ...(engine === "this engine" && {
      ratios: figures((figure) => medianOf(ours, ratioOf(figure))),
      differ: relativeError(ours[0].latents, theirs[0].latents),
    }),
  }));
}

function startLine({ model, only, engine, weightsHeld, ratios, differ, ...row }: StartRow): string {
  const cells = Object.entries(FIGURES).map(([name, heading]) => {
    const value = row[name as Figure];
    if (value === null) return `${heading} unknown`;
    const ratio = ratios?.[name as Figure];
    const text = name.endsWith("Ms") ? `${(value / 1e3).toFixed(2)} s` : `${(value / 2 ** 20).toFixed(0)} MiB`;
    return `${heading} ${text}${ratio ? ` (${ratio.toFixed(2)} times)` : ""}`;
  });
  if (weightsHeld !== null) cells.push(`holds ${weightsHeld.toFixed(2)} times the parameters`);
  if (differ !== undefined && only !== "decoder") cells.push(`latents differ by ${differ.toExponential(1)}`);
  return `${`${model} ${only ?? ""}`.padEnd(14)} ${engine.padEnd(17)} ${cells.join(", ")}`;
}

/** Medians of the rounds, for each picture. */
interface BatchRow extends BatchTimes {
  readonly model: string;
  readonly pass: "encode" | "decode";
  readonly batch: number;
  readonly engine: EngineName;
  /** Time in a batch over time alone: more than 1 if batches are slower. */
  readonly batchOverAlone: number;
  /** Median of this engine's time in a batch over the other's. */
  readonly ratio?: number;
}

/** Measures pictures that come one by one, and in batches. */
async function measureBatches(folder: string): Promise<BatchRow[]> {
  const rows: BatchRow[] = [];
  for (const model of models) {
    const stored = await storeModel(folder, model, SIDE);
    for (const size of option("batches", "8,32").split(",").map(Number)) {
      const batch = await storeModel(folder, model, SIDE, size);
      const measured = await runInTurns({ threads, stored, batch }, rounds);
      const added = (["encode", "decode"] as const).flatMap((pass) => batchRows(model, pass, size, measured));
      if (!json) added.forEach((row) => console.log(batchLine(row)));
      rows.push(...added);
    }
  }
  return rows;
}

function batchRows(model: string, pass: BatchRow["pass"], batch: number, measured: Rounds): BatchRow[] {
  return ENGINES.map((engine) => {
    const times = measured[engine].map((round) => round.batch[pass]!);
    const theirs = measured["onnxruntime-node"].map((round) => round.batch[pass]!);
    return {
      model,
      pass,
      batch,
      engine,
      aloneMs: medianOf(times, ({ aloneMs }) => aloneMs)!,
      batchMs: medianOf(times, ({ batchMs }) => batchMs)!,
      batchOverAlone: medianOf(times, ({ aloneMs, batchMs }) => batchMs / aloneMs)!,
      ...(engine === "this engine" && { ratio: medianOf(times, ({ batchMs }, i) => batchMs / theirs[i].batchMs)! }),
    };
  });
}

function batchLine({ model, pass, batch, engine, aloneMs, batchMs, batchOverAlone, ratio }: BatchRow): string {
  const rate = (ms: number) => `${(1e3 / ms).toFixed(2)} pictures/s`;
  return `${`${model} ${pass}`.padEnd(14)} ${engine.padEnd(17)} one by one ${rate(aloneMs)}, in batches of ${batch} ` +
    `${rate(batchMs)}: ${batchOverAlone.toFixed(2)} times as long for each` +
    (ratio ? `, ${ratio.toFixed(2)} times as long as onnxruntime-node` : "");
}

function quotient(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a / b;
}

/** Measures what `--start` and `--batches` ask for, and prints it. */
export async function report(): Promise<void> {
  const given = option("folder", "");
  const folder = given || await makeFolder();
  const host = await describeHost();
  if (!json) console.log(`${threads} threads, ${rounds} rounds; ${hostLine(host)}`);
  const start = Deno.args.includes("--start") ? await measureStart(folder) : [];
  const batches = Deno.args.some((arg) => arg.startsWith("--batches")) ? await measureBatches(folder) : [];
  if (json) console.log(JSON.stringify({ host, threads, rounds, start, batches }, null, 2));
  else console.log(`Load average afterwards: ${Deno.loadavg().map((value) => value.toFixed(2)).join(" ")}`);
  if (!given) await Deno.remove(folder, { recursive: true });
}

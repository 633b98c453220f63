/**
 * The algorithms and tiles that were measured to be the fastest on a device, and how they are stored.
 *
 * @module
 */

import deno from "../../../deno.json" with { type: "json" };
import type { TuningStore } from "../../backend.ts";
import type { Attention, Conv2d, Op } from "../../graph/graph.ts";
import type { AdapterInfo } from "../device/device.ts";
import type { Tuning } from "../shader/tiles.ts";
import { type Choice, CONV_ALGORITHMS } from "../record/choice.ts";

/** Ops that can be computed in several ways. */
export type TunableOp = Conv2d | Attention;

/** The fastest choices by {@linkcode opKey}; an empty one if nothing is faster than what is chosen without measuring. */
export type Choices = ReadonlyMap<string, Choice>;

/** Whether an op can be computed in several ways. */
export function isTunable(op: Op): op is TunableOp {
  return op.kind === "conv2d" || op.kind === "attention";
}

/** The key of an op; ops with the same key are computed in the same way. */
export function opKey(op: TunableOp): string {
  if (op.kind === "attention") return `attention of [${op.shape}]`;
  const { weights, upsample, residual, shape } = op;
  const { kernel, stride } = weights.kind === "conv" ? weights : { kernel: 1, stride: 1 };
  const options = (stride > 1 ? ", strided" : "") + (upsample ? ", upsampled" : "") + (residual ? ", residual" : "");
  return `${kernel}×${kernel} of ${weights.in} to [${shape}]${options}`;
}

/** Merges choices; those of `b` take precedence. */
export function mergeChoices(a: Choices, b: Choices): Choices {
  return new Map([...a, ...b]);
}

/** What the choices depend on. */
interface EngineKind extends AdapterInfo {
  /** Element type of stored values. */
  readonly dtype: string;
  /** How weights are held. */
  readonly weights: string;
}

/** Stores the choices for one kind of engine and version of this package. */
export class StoredChoices {
  readonly #store: TuningStore | undefined;
  readonly #candidates: readonly Choice[];
  readonly #key: string;

  /** `candidates` are the choices that the engine knows. */
  constructor(store: TuningStore | undefined, engine: EngineKind, candidates: readonly Choice[]) {
    const { vendor, architecture, device, description, dtype, weights } = engine; // WebGPU reports nothing of the driver
    this.#store = store;
    this.#candidates = candidates;
    this.#key = JSON.stringify({ version: deno.version, vendor, architecture, device, description, dtype, weights });
  }

  /** The stored choices; none if they cannot be read, are damaged, or are those of another key. */
  async read(): Promise<Choices> {
    if (!this.#store) return new Map();
    try {
      const { key, choices } = JSON.parse(await this.#store.read(await this.#name()) ?? "{}");
      return key === this.#key ? pick(choices, this.#candidates) : new Map();
    } catch {
      return new Map();
    }
  }

  /** Adds choices to the stored ones. If they cannot be written, they are valid in this process only. */
  async add(choices: Choices): Promise<void> {
    if (!this.#store) return;
    const file = { key: this.#key, choices: Object.fromEntries(mergeChoices(await this.read(), choices)) };
    await this.#store.write(await this.#name(), JSON.stringify(file, null, 2)).catch(() => {});
  }

  async #name(): Promise<string> {
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(this.#key));
    const digits = [...new Uint8Array(hash, 0, 8)].map((byte) => byte.toString(16).padStart(2, "0"));
    return `tuning-${digits.join("")}`;
  }
}

/** The choices of a tile, and of an algorithm for `eitherAlgorithm`; the first is what is chosen without measuring. */
export function choicesOf({ tiles }: Tuning, eitherAlgorithm: boolean): Choice[] {
  const ofTiles = tiles.map((tile) => ({ tile }));
  if (!eitherAlgorithm) return [{}, ...ofTiles];
  return [{}, ...CONV_ALGORITHMS.flatMap((algorithm) => [{}, ...ofTiles].map((tile) => ({ algorithm, ...tile })))];
}

/** The properties of an object that equal one of some values, as that value. */
function pick<T>(object: unknown, values: readonly T[]): Map<string, T> {
  const found = new Map<string, T>();
  for (const [key, value] of Object.entries(object ?? {})) {
    const text = JSON.stringify(value);
    const known = values.find((candidate) => JSON.stringify(candidate) === text);
    if (known !== undefined) found.set(key, known);
  }
  return found;
}

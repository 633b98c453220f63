/**
 * The algorithms and tiles that were measured to be the fastest on a device, and how they are stored.
 *
 * @module
 */

import deno from "../../../deno.json" with { type: "json" };
import type { TuningStore } from "../../backend.ts";
import type { Attention, Conv2d, Op } from "../../graph/graph.ts";
import type { ConvParameter, LinearParameter } from "../../graph/parameters.ts";
import type { AdapterInfo } from "../device/device.ts";
import type { Tile, Tuning } from "../shader/tiles.ts";
import { CONV_ALGORITHMS, type ConvAlgorithm } from "../record/packed_weights.ts";

/** Ops whose tile can be chosen. */
export type TunableOp = Conv2d | Attention;

/** The fastest algorithms and tiles. */
export interface Choices {
  /** By {@linkcode layerKey}. */
  readonly algorithms: ReadonlyMap<string, ConvAlgorithm>;
  /** By {@linkcode opKey}; `undefined` if no tile is faster than those chosen without measuring. */
  readonly tiles: ReadonlyMap<string, Tile | undefined>;
}

/** Choices before anything was measured. */
export const NO_CHOICES: Choices = { algorithms: new Map(), tiles: new Map() };

/** Whether the tile of an op can be chosen. */
export function isTunable(op: Op): op is TunableOp {
  return op.kind === "conv2d" || op.kind === "attention";
}

/** The key of a layer; layers with the same key use the same algorithm. */
export function layerKey({ in: ins, out }: ConvParameter | LinearParameter): string {
  return `${ins} to ${out}`;
}

/** The key of an op; ops with the same key use the same tile. `algorithm` is that of a convolution's weights. */
export function opKey(op: TunableOp, algorithm: ConvAlgorithm | undefined): string {
  if (op.kind === "attention") return `attention of [${op.shape}]`;
  const { weights, upsample, residual, shape } = op;
  const { kernel, stride } = weights.kind === "conv" ? weights : { kernel: 1, stride: 1 };
  const options = (stride > 1 ? ", strided" : "") + (upsample ? ", upsampled" : "") + (residual ? ", residual" : "");
  return `${algorithm} ${kernel}×${kernel} of ${weights.in} to [${shape}]${options}`;
}

/** Merges choices; those of `b` take precedence. */
export function mergeChoices(a: Choices, b: Choices): Choices {
  return {
    algorithms: new Map([...a.algorithms, ...b.algorithms]),
    tiles: new Map([...a.tiles, ...b.tiles]),
  };
}

/** Stores the choices for one kind of device, element type and version of this package. */
export class StoredChoices {
  readonly #store: TuningStore | undefined;
  readonly #tuning: Tuning;
  readonly #key: string;

  constructor(store: TuningStore | undefined, info: AdapterInfo, dtype: string, tuning: Tuning) {
    const { vendor, architecture, device, description } = info; // WebGPU reports nothing else of the driver
    this.#store = store;
    this.#tuning = tuning;
    this.#key = JSON.stringify({ version: deno.version, vendor, architecture, device, description, dtype });
  }

  /** The stored choices; none if they cannot be read, are damaged, or are those of another key. */
  async read(): Promise<Choices> {
    if (!this.#store) return NO_CHOICES;
    try {
      const { key, algorithms, tiles } = JSON.parse(await this.#store.read(await this.#name()) ?? "{}");
      return key === this.#key
        ? { algorithms: pick(algorithms, CONV_ALGORITHMS), tiles: pick(tiles, this.#tuning.tiles) }
        : NO_CHOICES;
    } catch {
      return NO_CHOICES;
    }
  }

  /** Adds choices to the stored ones. If they cannot be written, they are valid in this process only. */
  async add(choices: Choices): Promise<void> {
    if (!this.#store) return;
    const { algorithms, tiles } = mergeChoices(await this.read(), choices);
    const file = { key: this.#key, algorithms: Object.fromEntries(algorithms), tiles: Object.fromEntries(tiles) };
    await this.#store.write(await this.#name(), JSON.stringify(file, null, 2)).catch(() => {});
  }

  async #name(): Promise<string> {
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(this.#key));
    return `tuning-${new Uint8Array(hash, 0, 8).toHex()}`;
  }
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

/**
 * How many pictures a model computes at a time.
 *
 * @module
 */

import type { VQModel } from "../../mod.ts";
import type { EngineModel } from "./engines.ts";

/**
 * Sizes that are tried, the first of which is used until one is chosen. On a CPU it depends on the model: in a batch, threads
 * wait less often for each other, but pictures leave the caches earlier.
 */
const SIZES = { webgpu: [8], wasm: [1, 4] } as const;

/** Batches of the first size before others are tried: data sets of pictures of many sizes have few of each. */
const BEFORE_TRIALS = 4;

/** Batches of each size that are measured, after the first one of each model, which is compiled for. */
const MEASURED = 3;

/** What part of the time a larger size has to save. */
const GAIN = 0.02;

/** Most bytes that a batch may take on a device, unless one picture takes more. */
const MAX_BYTES = 2 ** 31;

/** Chooses sizes of batches. */
export interface BatchSizes {
  /**
   * The number of items of a shape, without the batch dimension, to compute next.
   *
   * @param threads of the model that will; by default those of the first. A single thread, which waits for no other, computes
   * items one by one
   * @throws {RangeError | DeviceError} if the model does not take pictures of that shape
   */
  of(shape: readonly number[], threads?: number): number;
  /** Says that a model starts to compute a batch. The result is to be called when it has. */
  start(model: EngineModel, shape: readonly number[], size: number): () => void;
  /** The size that was chosen for the last shape; `undefined` before. */
  chosen(threads?: number): number | undefined;
}

/** What is known of the sizes for a shape. */
interface Trials {
  /** Sizes that may be the best, with the least milliseconds per item of the batches that were measured. */
  readonly candidates: { readonly size: number; started: number; measured: number; least: number }[];
  /** The models and sizes that were compiled for. */
  readonly compiled: Map<EngineModel, Set<number>>;
}

/**
 * Chooses sizes of batches: what the caller says, or what fits and is fastest, which the first batches of a shape show. The
 * results do not depend on it.
 */
export function batchSizes(model: VQModel, method: "tokenize" | "detokenize", wanted?: number): BatchSizes {
  const known = new Map<string, Trials>();
  let chosen: number | undefined;

  function trialsOf(shape: readonly number[]): Trials {
    const name = `${shape}`;
    let trials = known.get(name);
    if (!trials) {
      const { activations } = model.memory({ shape: [1, ...shape], method });
      const most = model.memoryLimit === undefined ? Math.max(1, Math.floor(MAX_BYTES / activations)) : 1;
      const sizes = wanted === undefined ? new Set(SIZES[model.device].map((size) => Math.min(size, most))) : [wanted];
      const candidates = Array.from(sizes, (size, i) => {
        return { size, started: i === 0 ? 0 : BEFORE_TRIALS, measured: 0, least: Infinity };
      });
      if (candidates.length === 1) chosen = candidates[0].size;
      trials = { candidates, compiled: new Map() };
      known.set(name, trials);
    }
    return trials;
  }

  const isAlone = (threads = model.threads) => wanted === undefined && threads === 1 && model.threads > 1;

  return {
    chosen: (threads) => chosen !== undefined && isAlone(threads) ? 1 : chosen,
    of(shape, threads) {
      const { candidates } = trialsOf(shape);
      if (isAlone(threads)) return 1;
      return candidates.reduce((next, other) => other.started < next.started ? other : next).size;
    },
    start(model, shape, size) {
      const { candidates, compiled } = trialsOf(shape);
      const candidate = candidates.find((candidate) => candidate.size === size);
      const sizes = compiled.get(model) ?? new Set();
      if (candidates.length === 1 || !candidate) return () => {};
      candidate.started++;
      const isFirst = !sizes.has(size);
      compiled.set(model, sizes.add(size));
      const begin = performance.now();
      return () => {
        if (isFirst || candidates.length === 1) return;
        candidate.measured++;
        candidate.least = Math.min(candidate.least, (performance.now() - begin) / size);
        if (candidates.some(({ measured }) => measured < MEASURED)) return;
        const best = candidates.reduce((best, other) => other.least < best.least * (1 - GAIN) ? other : best);
        candidates.splice(0, candidates.length, best);
        chosen = best.size;
      };
    },
  };
}

/**
 * How many pictures a model computes at a time.
 *
 * @module
 */

import type { VQModel } from "../../mod.ts";

/** On a GPU more pictures hardly save more; on a CPU, one at a time is as fast as several. */
const SIZES = { webgpu: 8, wasm: 1 } as const;

/** Most bytes that a batch may take on a device, unless one picture takes more. */
const MAX_BYTES = 2 ** 31;

/** The number of items of a shape, without the batch dimension, to compute at a time. */
export type BatchSizeOf = (shape: readonly number[]) => number;

/**
 * Chooses sizes of batches: what the caller says, or as many pictures as are fast and fit.
 *
 * @returns a function that throws a `RangeError` or `DeviceError` if the model does not take pictures of that shape
 */
export function batchSizes(model: VQModel, method: "tokenize" | "detokenize", wanted?: number): BatchSizeOf {
  const known = new Map<string, number>();
  return (shape) => {
    const name = `${shape}`;
    let size = known.get(name);
    if (size === undefined) {
      const { activations } = model.memory({ shape: [1, ...shape], method });
      size = wanted ?? Math.max(1, Math.min(SIZES[model.device], Math.floor(MAX_BYTES / activations)));
      known.set(name, size);
    }
    return size;
  };
}

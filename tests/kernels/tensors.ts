/** Tensors for tests, which a page in a browser can make as well. */
import { Tensor } from "../../kernels/mod.ts";
import type { Dense } from "../support/golden.ts";

/** Deterministic values in [-1, 1). */
export function randomTensor(shape: readonly number[], seed = 1, scale = 1, offset = 0): Dense {
  const data = new Float32Array(shape.reduce((product, side) => product * side, 1));
  let state = Math.imul(seed, 2654435761) | 1;
  for (let i = 0; i < data.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    data[i] = (state >> 7) / 16777216 * scale + offset;
  }
  return { data, shape };
}

/** A host tensor of an array. */
export function tensorOf({ data, shape }: Dense): Tensor {
  return new Tensor(data, shape);
}

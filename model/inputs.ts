/**
 * Pictures are handed over as bytes where they still are bytes.
 *
 * @module
 */

import { type PixelRange, Pixels, Tensor } from "../kernels/mod.ts";

/** A tensor that stays made of pixels, even if somebody reads the given one as floats while a program is compiled for it. */
export function asItIsNow(tensor: Tensor): Tensor {
  const { storage, shape, dtype } = tensor;
  return storage instanceof Pixels ? new Tensor(storage, shape, dtype) : tensor;
}

/** What pixels stand for; nothing for tensors that are not made of them. */
export function rangeOf({ storage }: Tensor): PixelRange | undefined {
  return storage instanceof Pixels ? storage.range : undefined;
}

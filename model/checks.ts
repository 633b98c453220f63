/**
 * Whether tensors can be what a method takes.
 *
 * @module
 */

import { Tensor } from "../kernels/mod.ts";

/** Checks that a tensor is one, and alive. */
export function checkTensor(name: string, tensor: Tensor): void {
  if (!(tensor instanceof Tensor)) {
    throw new TypeError(`Cannot use ${name}: expected a Tensor, found ${Object.prototype.toString.call(tensor)}`);
  }
  if (tensor.disposed) throw new TypeError(`Cannot use ${name}: the tensor was disposed`);
}

/** Checks that a tensor is a picture or latents, `[n, channels, h, w]`, none of them 0. `key` is where the configuration says so. */
export function checkPicture(name: string, tensor: Tensor, channels: number, key: string): void {
  checkTensor(name, tensor);
  const { shape, dtype } = tensor;
  if (dtype !== "float32") throw new TypeError(`Cannot use ${name}: expected float32 elements, found ${dtype}`);
  if (shape.length !== 4) {
    throw new RangeError(`Cannot use ${name}: expected shape [n, ${channels}, height, width], found [${shape}]`);
  }
  if (shape[1] !== channels) {
    throw new RangeError(`Cannot use ${name}: expected ${channels} channels (${key}), found ${shape[1]} in [${shape}]`);
  }
  if (shape.some((side) => side === 0)) {
    throw new RangeError(`Cannot use ${name}: it is empty, its shape is [${shape}]`);
  }
}

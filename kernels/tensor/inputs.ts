/**
 * Checks of a program's inputs.
 *
 * @module
 */

import { Pixels } from "./pixels.ts";
import type { DType, PixelRange, Shape } from "./storage.ts";
import type { Tensor } from "./tensor.ts";

/** What a program expects as one input. */
interface ExpectedInput {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly pixels?: PixelRange;
}

/**
 * Refuses inputs that do not match what a program expects.
 *
 * @throws {TypeError}
 */
export function checkInputs(inputs: readonly Tensor[], expected: readonly ExpectedInput[]): void {
  if (inputs.length !== expected.length) {
    throw new TypeError(`Cannot run a program: it takes ${expected.length} inputs, got ${inputs.length}`);
  }
  inputs.forEach((tensor, i) => {
    const { shape, dtype } = tensor;
    const { pixels } = expected[i];
    if (dtype !== expected[i].dtype || shape.join() !== expected[i].shape.join()) {
      throw new TypeError(
        `Cannot run a program: input ${i} is ${dtype} [${shape}], expected ${expected[i].dtype} [${expected[i].shape}]`,
      );
    }
    if (pixels !== undefined && !(tensor.storage instanceof Pixels && tensor.storage.range === pixels)) {
      throw new TypeError(`Cannot run a program: input ${i} must be ${pixels} pixels`);
    }
  });
}

/**
 * Refuses to run a program that was disposed.
 *
 * @throws {TypeError}
 */
export function checkNotDisposed(disposed: boolean): void {
  if (disposed) throw new TypeError("Cannot run a program: it was disposed");
}

/**
 * What every engine refuses, in the same words.
 *
 * @module
 */

import { type Parameter, sizesOf } from "./graph.ts";
import { type PixelRange, Pixels } from "./pixels.ts";
import type { DType, Shape, Tensor } from "./tensor.ts";

/** What a program takes at one place. */
interface ExpectedInput {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly pixels?: PixelRange;
}

/**
 * Refuses weights that are not as many as a layer has.
 *
 * @throws {RangeError}
 */
export function checkParameter(parameter: Parameter, weight: Float32Array, bias: Float32Array): void {
  const [weights, biases] = sizesOf(parameter);
  if (weight.length === weights && bias.length === biases) return;
  throw new RangeError(
    `Cannot set ${parameter.name}: expected ${weights} weights and ${biases} biases, ` +
      `found ${weight.length} and ${bias.length}`,
  );
}

/**
 * What an engine keeps of a layer whose weights were set.
 *
 * @throws {TypeError} if they were not
 */
export function findParameter<T>(kept: ReadonlyMap<string, T>, { name }: Parameter): T {
  const found = kept.get(name);
  if (found === undefined) throw new TypeError(`Cannot compile: the weights of ${name} were not set`);
  return found;
}

/**
 * Refuses inputs other than a program takes.
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

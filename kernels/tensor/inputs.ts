/**
 * What every engine refuses, in the same words.
 *
 * @module
 */

import { type Parameter, sizesOf } from "../graph/graph.ts";
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

/** What an engine keeps of a layer. */
export interface Kept<T> {
  /** The layer as it was when its weights were set. */
  readonly layer: Parameter;
  /** What became of them. */
  readonly prepared: T;
}

/**
 * What an engine keeps of a layer whose weights were set.
 *
 * @throws {TypeError} if they were not, or for a layer of another kind or size
 */
export function findParameter<T>(all: ReadonlyMap<string, Kept<T>>, parameter: Parameter): T {
  const kept = all.get(parameter.name);
  if (kept === undefined) throw new TypeError(`Cannot compile: the weights of ${parameter.name} were not set`);
  if (describe(kept.layer) !== describe(parameter)) {
    throw new TypeError(
      `Cannot compile: the weights of ${parameter.name} were set for ${describe(kept.layer)}, ` +
        `but the graph has ${describe(parameter)}`,
    );
  }
  return kept.prepared;
}

function describe(parameter: Parameter): string {
  switch (parameter.kind) {
    case "conv": {
      const { kernel, in: ins, out, stride } = parameter;
      return `a ${kernel}×${kernel} convolution of ${ins} to ${out} channels at stride ${stride}`;
    }
    case "linear":
      return `a linear layer of ${parameter.in} to ${parameter.out} channels`;
    case "norm":
      return `a norm of ${parameter.channels} channels`;
    case "codebook":
      return `a codebook of ${parameter.codes} codes of ${parameter.channels} channels`;
  }
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

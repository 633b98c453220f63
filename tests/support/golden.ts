/** Stored results of Diffusers' VQModel, and how far an answer is from them. */
import { assert } from "@std/assert";
import { join } from "@std/path";
import { fixture, repository } from "./paths.ts";
import { readSafetensors, type StoredTensors } from "./safetensors.ts";
export type { Dense } from "./safetensors.ts";

/** What one golden folder holds. */
export interface Golden extends StoredTensors {
  /** `config.json`. */
  readonly config: Record<string, unknown>;
  /** The folder's path: what `fromPretrained` takes. */
  readonly directory: string;
  /** How the tensors were made: seed, gains, sizes, and the noise of float32 itself. */
  // deno-lint-ignore no-explicit-any
  readonly info: any;
}

/** A small model with weights, inputs, outputs and intermediate activations: `fixtures/golden/NAME`. */
export function loadGolden(name: string): Golden {
  return loadFolder(fixture(`golden/${name}`));
}

/** A published architecture at full size, whose weights `synthetic.ts` makes: `fixtures/real/NAME`. */
export function loadReal(name: string): Golden {
  return loadFolder(fixture(`real/${name}`));
}

/** The bundled model, with what the reference makes of a part of the bundled picture. */
export function loadBundled(): Golden {
  return loadFolder(repository("examples/models/leaves-f4"));
}

function loadFolder(directory: string): Golden {
  const tensors = readSafetensors(join(directory, "io.safetensors"));
  const config = JSON.parse(Deno.readTextFileSync(join(directory, "config.json")));
  return { ...tensors, config, directory, info: JSON.parse(tensors.metadata.info ?? "{}") };
}

/** ‖actual − expected‖ / ‖expected‖; the numerator alone where all of `expected` is zero. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let error = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return Math.sqrt(norm === 0 ? error : error / norm);
}

/** Asserts that the relative error is within the tolerance; a NaN anywhere fails. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  assert(actual.length === expected.length, `${what}: ${actual.length} elements, expected ${expected.length}`);
  const error = relativeError(actual, expected);
  if (error <= tolerance) return;
  const worst = indexOfLargestDifference(actual, expected);
  throw new Error(
    `${what}: relative error ${error.toExponential(2)} is beyond ${tolerance.toExponential(2)}; ` +
      `worst at index ${worst} of ${expected.length}: ${actual[worst]}, expected ${expected[worst]}`,
  );
}

function indexOfLargestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let worst = 0;
  let largest = -1;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    if (Number.isNaN(difference)) return i;
    if (difference > largest) [worst, largest] = [i, difference];
  }
  return worst;
}

/**
 * Asserts that the tokens are the stored ones wherever the choice is clear: `margin` says how far a latent is from
 * choosing another code, as a share of the latents' root mean square.
 */
export function assertSameCodes(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  margin: ArrayLike<number>,
  what: string,
): void {
  assert(actual.length === expected.length, `${what}: ${actual.length} indices, expected ${expected.length}`);
  for (let i = 0; i < expected.length; i++) {
    if (margin[i] > 1e-4 && actual[i] !== expected[i]) {
      throw new Error(`${what}: index ${actual[i]} at ${i}, expected ${expected[i]} (margin ${margin[i]})`);
    }
  }
}

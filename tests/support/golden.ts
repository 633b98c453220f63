/** Stored results of Diffusers' VQModel, and how far an answer is from them. */
import { assert } from "@std/assert";
import { fromFileUrl } from "@std/path";

/** A dense array on the host, row-major, outermost dimension first. */
export interface Dense<Data = Float32Array<ArrayBuffer>> {
  readonly data: Data;
  readonly shape: readonly number[];
}

/** What one golden folder holds. */
export interface Golden {
  /** `config.json`. */
  readonly config: Record<string, unknown>;
  /** The folder's path: what `fromPretrained` takes. */
  readonly directory: string;
  /** Names of the stored tensors. */
  readonly names: string[];
  /** How the tensors were made: seed, gains, sizes, and the noise of float32 itself. */
  // deno-lint-ignore no-explicit-any
  readonly info: any;
  /** The remaining metadata of the file. */
  readonly metadata: Record<string, string>;
  /** A stored float32 or (widened) float16 tensor. */
  tensor(name: string): Dense;
  /** A stored int32 tensor. */
  integers(name: string): Dense<Int32Array<ArrayBuffer>>;
  /** A stored uint8 tensor. */
  bytes(name: string): Dense<Uint8Array<ArrayBuffer>>;
}

interface Entry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

/** A small model with weights, inputs, outputs and intermediate activations: `fixtures/golden/NAME`. */
export function loadGolden(name: string): Golden {
  return loadFolder(new URL(`../fixtures/golden/${name}`, import.meta.url));
}

/** A published architecture at full size, whose weights `synthetic.ts` makes: `fixtures/real/NAME`. */
export function loadReal(name: string): Golden {
  return loadFolder(new URL(`../fixtures/real/${name}`, import.meta.url));
}

/** The bundled model, with what the reference makes of a part of the bundled picture. */
export function loadBundled(): Golden {
  return loadFolder(new URL("../../examples/models/leaves-f4", import.meta.url));
}

function loadFolder(directory: URL): Golden {
  const file = Deno.readFileSync(new URL(`${directory}/io.safetensors`));
  const start = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
  const { __metadata__: metadata = {}, ...entries } = JSON.parse(new TextDecoder().decode(file.subarray(8, start)));

  // Sliced, hence aligned: the data of a safetensors file may start at any byte.
  function find(name: string, ...dtypes: string[]): { entry: Entry; buffer: ArrayBuffer } {
    const entry: Entry | undefined = entries[name];
    if (!entry) throw new Error(`No tensor ${name} in ${directory}: there are ${Object.keys(entries).join(", ")}`);
    if (!dtypes.includes(entry.dtype)) {
      throw new Error(`Tensor ${name} in ${directory} is ${entry.dtype}, not ${dtypes}`);
    }
    const [from, to] = entry.data_offsets;
    return { entry, buffer: file.buffer.slice(start + from, start + to) };
  }

  return {
    config: readJson(new URL(`${directory}/config.json`)),
    directory: fromFileUrl(directory),
    names: Object.keys(entries),
    info: JSON.parse(metadata.info ?? "{}"),
    metadata,
    tensor(name) {
      const { entry, buffer } = find(name, "F32", "F16");
      const data = entry.dtype === "F32" ? new Float32Array(buffer) : Float32Array.from(new Float16Array(buffer));
      return { data, shape: entry.shape };
    },
    integers(name) {
      const { entry, buffer } = find(name, "I32");
      return { data: new Int32Array(buffer), shape: entry.shape };
    },
    bytes(name) {
      const { entry, buffer } = find(name, "U8");
      return { data: new Uint8Array(buffer), shape: entry.shape };
    },
  };
}

function readJson(url: URL) {
  return JSON.parse(Deno.readTextFileSync(url));
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

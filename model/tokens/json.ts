/**
 * Tokens in JSON: `{"model", "codebook", "picture", "shape", "indices"}`, or nested arrays, as `x.tolist()` makes in
 * Python.
 *
 * @module
 */

import { parseJson } from "../../hub/mod.ts";
import { layOut, shapeOf, valuesOf } from "./indices.ts";
import { codebookOf, type StoredTokens, type TokenFile } from "./stored.ts";
import { checkShape, type Tokens } from "./tokens.ts";

/** Whole numbers that an `Int32Array` holds. */
const INT32 = { least: -(2 ** 31), most: 2 ** 31 - 1, problem: "no whole number of 32 bits" };

/** Tokens in one line of JSON, with a line feed. */
export function encodeJson(
  { indices, shape, codebook }: Tokens,
  picture: { readonly width: number; readonly height: number } | undefined,
): Uint8Array<ArrayBuffer> {
  const { model, hash } = codebook ?? {};
  const text = JSON.stringify({ model, codebook: hash, picture, shape, indices: Array.from(indices) });
  return new TextEncoder().encode(`${text}\n`);
}

/** Reads tokens in JSON. */
export function decodeJson({ bytes, task }: TokenFile): StoredTokens {
  const value = parseJson(bytes, task, TypeError);
  const { indices, shape, codebook, model } = Array.isArray(value) ? { indices: value } : Object(value);
  if (!Array.isArray(indices)) {
    throw new TypeError(`${task}: expected nested arrays, or {"shape": [n, height, width], "indices": [0, …]}`);
  }
  const own = shapeOf(indices, task);
  const lying = shape === undefined ? own : statedShape(shape, own, task);
  return {
    indices: valuesOf(indices, { shape: own, range: INT32, task }),
    shape: lying,
    codebook: codebookOf(codebook, model),
  };
}

/**
 * The shape that a file gives its indices: a grid's, or, as Python may have it, fewer sides of indices in one array.
 */
function statedShape(shape: unknown, own: readonly number[], task: string): readonly number[] {
  const isFlat = own.length === 1 && Array.isArray(shape) && shape.length < 3 && shape.every(Number.isSafeInteger);
  if (isFlat && shape.reduce((product, side) => product * side, 1) === own[0]) return shape;
  checkShape(shape, task);
  return layOut(own, { shape, task });
}

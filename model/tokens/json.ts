/**
 * Tokens in JSON: `{"model", "codebook", "picture", "shape", "indices"}`, or nested arrays like those of `x.tolist()` in
 * Python.
 *
 * @module
 */

import { parseJson } from "../../hub/mod.ts";
import { show } from "../../hub/show.ts";
import { layOut, shapeOf, valuesOf } from "./indices.ts";
import { codebookOf, storedInMemory, type StoredTokens, type TokenFile } from "./stored.ts";
import { checkShape, type Tokens } from "./tokens.ts";

/** The range of an `Int32Array`. */
const INT32 = { min: -(2 ** 31), max: 2 ** 31 - 1, problem: "not an integer of 32 bits" };

/** Encodes tokens as one line of JSON, with a line feed. */
export function encodeJson(
  { indices, shape, codebook }: Tokens,
  picture: { readonly width: number; readonly height: number } | undefined,
): Uint8Array<ArrayBuffer> {
  const { model, hash } = codebook ?? {};
  const text = JSON.stringify({ model, codebook: hash, picture, shape, indices: Array.from(indices) });
  return new TextEncoder().encode(`${text}\n`);
}

/** Reads tokens in JSON. */
export async function openJson({ source, task }: TokenFile): Promise<StoredTokens> {
  const value = parseJson(await source.read(0, source.size), task, TypeError);
  const { indices, shape, codebook, model } = Array.isArray(value) ? { indices: value } : Object(value);
  if (!Array.isArray(indices)) {
    throw new TypeError(`${task}: expected nested arrays, or {"shape": [n, height, width], "indices": [0, …]}`);
  }
  const own = shapeOf(indices, task);
  const grid = shape === undefined ? own : statedShape(shape, own, task);
  return {
    read: storedInMemory(valuesOf(indices, { shape: own, range: INT32, task })),
    shape: grid,
    codebook: codebookOf(codebook, model),
  };
}

/**
 * The shape that a file states: `[n, h, w]`, or fewer dimensions for indices in a flat array.
 */
function statedShape(shape: unknown, own: readonly number[], task: string): readonly number[] {
  if (`${shape}` === `${own}`) return own;
  if (own.length === 1 && Array.isArray(shape) && shape.length < 3 && shape.every(Number.isSafeInteger)) {
    const count = shape.reduce((product, side) => product * side, 1);
    if (count === own[0]) return shape;
    throw new RangeError(`${task}: shape ${show(shape)} takes ${count} indices, found ${own[0]}`);
  }
  checkShape(shape, task);
  return layOut(own, { shape, task });
}

/**
 * Tokens in numpy's `.npy` files.
 *
 * @module
 */

import {
  bytesToIntegers,
  decodeNpyHeader,
  decodeNpyTexts,
  encodeNpyHeader,
  INTEGER_TYPES,
  type IntegerDType,
  integersToBytes,
  integerType,
  numpyType,
  toRowMajor,
} from "../../hub/mod.ts";
import { show, showText } from "../../hub/show.ts";
import type { StoredTokens, TokenFile } from "./stored.ts";
import type { Tokens } from "./tokens.ts";

/** Longest text, in characters. Names of models and hashes are shorter. */
const MAX_TEXT_LENGTH = 4096;

/** Encodes tokens as an array `[n, h, w]`. */
export function encodeNpy({ indices, shape }: Tokens, dtype: IntegerDType): Uint8Array<ArrayBuffer> {
  const header = encodeNpyHeader({ descr: numpyType(dtype), shape });
  const data = integersToBytes(indices, dtype);
  const file = new Uint8Array(header.length + data.length);
  file.set(header);
  file.set(data, header.length);
  return file;
}

/** Reads tokens from a file. */
export function decodeNpy({ bytes, task }: TokenFile): StoredTokens {
  const { descr, fortranOrder, shape, dataStart } = decodeNpyHeader(bytes, task);
  const dtype = integerType("numpy", descr.slice(1));
  const count = shape.reduce((product, side) => product * side, 1);
  if (!dtype || !/^[<>|=]/.test(descr)) {
    throw new TypeError(`${task}: expected integers, found elements of type ${showText(descr)}`);
  }
  const [data, size] = [bytes.subarray(dataStart), count * INTEGER_TYPES[dtype].bytes];
  if (data.length !== size) {
    throw new TypeError(`${task}: shape ${show(shape)} of ${descr} takes ${size} bytes, found ${data.length}`);
  }
  const values = bytesToIntegers(data, dtype, { littleEndian: descr[0] !== ">", task });
  return { indices: fortranOrder ? rowMajor(values, shape) : values, shape };
}

/** Reads a text from an array without dimensions; `undefined` for other arrays. */
export function decodeNpyText(bytes: Uint8Array, task: string): string | undefined {
  const header = decodeNpyHeader(bytes, task);
  return header.shape.length === 0 ? decodeNpyTexts(bytes, header, MAX_TEXT_LENGTH)?.[0] : undefined;
}

/** Reorders elements in Fortran order, where the first index varies fastest. */
function rowMajor(values: Int32Array<ArrayBuffer>, shape: readonly number[]): Int32Array<ArrayBuffer> {
  const strides = shape.map((_, i) => shape.slice(0, i).reduce((product, side) => product * side, 1));
  return toRowMajor(values, { shape, strides });
}

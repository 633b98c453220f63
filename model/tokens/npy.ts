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
  MAX_NPY_HEADER_BYTES,
  numpyType,
  toRowMajor,
} from "../../hub/mod.ts";
import { show, showText } from "../../hub/show.ts";
import { storedInMemory, type StoredTokens, type TokenFile } from "./stored.ts";
import type { Tokens } from "./tokens.ts";

/** Longest text, in characters. Names of models and pictures, and hashes, are shorter. */
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

/** Opens the tokens of a file. */
export async function openNpy({ source, task }: TokenFile): Promise<StoredTokens> {
  const start = await source.read(0, Math.min(MAX_NPY_HEADER_BYTES, source.size));
  const { descr, fortranOrder, shape, dataStart } = decodeNpyHeader(start, task);
  const dtype = integerType("numpy", descr.slice(1));
  if (!dtype || !/^[<>|=]/.test(descr)) {
    throw new TypeError(`${task}: expected integers, found elements of type ${showText(descr)}`);
  }
  const { bytes } = INTEGER_TYPES[dtype];
  const count = shape.reduce((product, side) => product * side, 1);
  if (source.size - dataStart !== count * bytes) {
    throw new TypeError(
      `${task}: shape ${show(shape)} of ${descr} takes ${count * bytes} bytes, found ${source.size - dataStart}`,
    );
  }
  const littleEndian = descr[0] !== ">";
  const read = async (begin: number, end: number) => {
    const data = await source.read(dataStart + begin * bytes, (end - begin) * bytes);
    return bytesToIntegers(data, dtype, { littleEndian, task });
  };
  return { shape, dtype, read: fortranOrder ? storedInMemory(rowMajor(await read(0, count), shape)) : read };
}

/** Reads the texts of an array; `undefined` for other arrays. */
export function decodeTexts(bytes: Uint8Array, task: string): string[] | undefined {
  return decodeNpyTexts(bytes, decodeNpyHeader(bytes, task), MAX_TEXT_LENGTH);
}

/** Reorders elements in Fortran order, where the first index varies fastest. */
function rowMajor(values: Int32Array<ArrayBuffer>, shape: readonly number[]): Int32Array<ArrayBuffer> {
  const strides = shape.map((_, i) => shape.slice(0, i).reduce((product, side) => product * side, 1));
  return toRowMajor(values, { shape, strides });
}

/**
 * Tokens in numpy's `.npy` files: a header with a Python dictionary, then the elements.
 *
 * @module
 */

import { toRowMajor } from "../../hub/mod.ts";
import { show, showText } from "../../hub/show.ts";
import { bytesToIntegers, INTEGER_TYPES, integersToBytes, integerType, type TokenDType } from "./integer_types.ts";
import type { StoredTokens, TokenFile } from "./stored.ts";
import type { Tokens } from "./tokens.ts";

const MAGIC = "\x93NUMPY";
/** Magic and version; the header's length follows. */
const PREFIX = 8;
/** Longest header that numpy accepts from untrusted files. */
const MAX_HEADER_BYTES = 10_000;
const MAX_DIMENSIONS = 32;
/** Longest text, in characters. Names of models and hashes are shorter. */
const MAX_TEXT_LENGTH = 4096;
/** Alignment of the elements in bytes. */
const ALIGNMENT = 64;

/** An array in a file: its element type, such as `<i8`, its shape and its bytes. */
export interface NpyArray {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Whether bytes begin like a `.npy` file. */
export function isNpy(bytes: Uint8Array): boolean {
  return textOf(bytes.subarray(0, MAGIC.length)) === MAGIC;
}

/** Encodes tokens as an array `[n, h, w]`. */
export function encodeNpy({ indices, shape }: Tokens, dtype: TokenDType): Uint8Array<ArrayBuffer> {
  const { bytes, numpy } = INTEGER_TYPES[dtype];
  return npyFile(`${bytes === 1 ? "|" : "<"}${numpy}`, shape, integersToBytes(indices, dtype));
}

/** Encodes a text as an array without dimensions. */
export function encodeNpyText(text: string): Uint8Array<ArrayBuffer> {
  const codes = Uint32Array.from(text, (character) => character.codePointAt(0)!);
  return npyFile(`<U${codes.length}`, [], new Uint8Array(codes.buffer));
}

function npyFile(descr: string, shape: readonly number[], data: Uint8Array): Uint8Array<ArrayBuffer> {
  const sides = shape.map((side) => `${side}, `).join("");
  const fields = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sides}), }`;
  const start = Math.ceil((PREFIX + 2 + fields.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = `${fields.padEnd(start - PREFIX - 3)}\n`;
  const file = new Uint8Array(start + data.length);
  file.set(Uint8Array.from(`${MAGIC}\x01\0`, (character) => character.charCodeAt(0)));
  new DataView(file.buffer).setUint16(PREFIX, header.length, true);
  file.set(new TextEncoder().encode(header), PREFIX + 2);
  file.set(data, start);
  return file;
}

/** Reads tokens from a file. */
export function decodeNpy({ bytes, task }: TokenFile): StoredTokens {
  const { descr, fortranOrder, shape, data } = parseNpy(bytes, task);
  const type = integerType("numpy", descr.slice(1));
  const count = shape.reduce((product, side) => product * side, 1);
  if (!type || !/^[<>|=]/.test(descr)) {
    throw new TypeError(`${task}: expected integers, found elements of type ${showText(descr)}`);
  }
  if (data.length !== count * type.bytes) {
    throw new TypeError(
      `${task}: shape ${show(shape)} of ${descr} takes ${count * type.bytes} bytes, found ${data.length}`,
    );
  }
  const values = bytesToIntegers(data, type, { littleEndian: descr[0] !== ">", task });
  return { indices: fortranOrder ? rowMajor(values, shape) : values, shape };
}

/** Reads a text from an array without dimensions; `undefined` for other arrays. */
export function decodeNpyText(bytes: Uint8Array, task: string): string | undefined {
  const { descr, data } = parseNpy(bytes, task);
  const [, order, length] = /^([<>])U(\d+)$/.exec(descr) ?? [];
  if (order === undefined || Number(length) > MAX_TEXT_LENGTH || data.length !== 4 * Number(length)) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const codes = Array.from({ length: Number(length) }, (_, i) => view.getUint32(4 * i, order === "<"));
  return codes.every((code) => code <= 0x10ffff) ? String.fromCodePoint(...codes) : undefined;
}

/** Reads the header of a file. */
function parseNpy(bytes: Uint8Array, task: string): NpyArray {
  if (!isNpy(bytes)) throw new TypeError(`${task}: expected the bytes of a .npy file, found other bytes`);
  const major = bytes[MAGIC.length];
  const lengthBytes = major === 1 ? 2 : 4;
  const start = PREFIX + lengthBytes;
  if (major < 1 || major > 3 || bytes.length < start) {
    throw new TypeError(
      `${task}: expected a .npy file of version 1, 2 or 3, found version ${major}, ${bytes.length} bytes`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = major === 1 ? view.getUint16(PREFIX, true) : view.getUint32(PREFIX, true);
  if (length > MAX_HEADER_BYTES || start + length > bytes.length) {
    throw new TypeError(`${task}: its header of ${length} bytes is too long, or cut short`);
  }
  const header = textOf(bytes.subarray(start, start + length));
  return { ...parseHeader(header, task), data: bytes.subarray(start + length) };
}

function parseHeader(header: string, task: string): Omit<NpyArray, "data"> {
  const descr = /['"]descr['"]\s*:\s*['"]([^'"]*)['"]/.exec(header)?.[1];
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(header)?.[1];
  const sides = /['"]shape['"]\s*:\s*\(([\dL,\s]*)\)/.exec(header)?.[1]; // Python 2 wrote 3L
  const shape = sides?.split(",").map((side) => side.trim().replace(/L$/, "")).filter((side) => side).map(Number);
  if (
    descr === undefined || order === undefined || !shape?.every(Number.isSafeInteger) || shape.length > MAX_DIMENSIONS
  ) {
    throw new TypeError(
      `${task}: expected a header with descr (one element type), fortran_order and shape, found ${
        showText(header.trim())
      }`,
    );
  }
  return { descr, fortranOrder: order === "True", shape };
}

/** Reorders elements in Fortran order, where the first index varies fastest. */
function rowMajor(values: Int32Array<ArrayBuffer>, shape: readonly number[]): Int32Array<ArrayBuffer> {
  const strides = shape.map((_, i) => shape.slice(0, i).reduce((product, side) => product * side, 1));
  return toRowMajor(values, { shape, strides });
}

function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

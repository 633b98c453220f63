/**
 * numpy's `.npy` files: a header with a Python dictionary, then the elements.
 *
 * @module
 */

import { showText } from "../show.ts";

const MAGIC = "\x93NUMPY";
/** Magic and version; the header's length follows. */
const PREFIX = 8;
/** Longest header that numpy accepts from untrusted files. */
const MAX_HEADER_BYTES = 10_000;
const MAX_DIMENSIONS = 32;
/** Alignment of the elements in bytes. */
const ALIGNMENT = 64;

/** Bytes from the beginning of a file that hold its header in any case. */
export const MAX_NPY_HEADER_BYTES: number = PREFIX + 4 + MAX_HEADER_BYTES;

/** The header of a `.npy` file. */
export interface NpyHeader {
  /** Byte order and element type, such as `<i8`. */
  readonly descr: string;
  /** Whether the first index varies fastest. */
  readonly fortranOrder: boolean;
  /** The size of each dimension. */
  readonly shape: readonly number[];
  /** Offset of the elements in the file. */
  readonly dataStart: number;
}

/** Whether bytes begin like a `.npy` file. */
export function isNpy(bytes: Uint8Array): boolean {
  return textOf(bytes.subarray(0, MAGIC.length)) === MAGIC;
}

/** Encodes everything before the elements, which are in row-major order. */
export function encodeNpyHeader({ descr, shape }: Pick<NpyHeader, "descr" | "shape">): Uint8Array<ArrayBuffer> {
  const sides = shape.map((side) => `${side}, `).join("");
  const fields = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sides}), }`;
  const start = Math.ceil((PREFIX + 2 + fields.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = `${fields.padEnd(start - PREFIX - 3)}\n`;
  const bytes = Uint8Array.from(`${MAGIC}\x01\0\0\0${header}`, (character) => character.charCodeAt(0));
  new DataView(bytes.buffer).setUint16(PREFIX, header.length, true);
  return bytes;
}

/** Encodes a text as a file with an array without dimensions, or texts as one with an array `[n]`. */
export function encodeNpyTexts(texts: string | readonly string[]): Uint8Array<ArrayBuffer> {
  const list = typeof texts === "string" ? [texts] : texts;
  const rows = list.map((text) => Uint32Array.from(text, (character) => character.codePointAt(0)!));
  const length = rows.reduce((longest, row) => Math.max(longest, row.length), 0);
  const codes = new Uint32Array(length * rows.length);
  rows.forEach((row, i) => codes.set(row, i * length));
  const header = encodeNpyHeader({ descr: `<U${length}`, shape: list === texts ? [list.length] : [] });
  const file = new Uint8Array(header.length + codes.byteLength);
  file.set(header);
  file.set(new Uint8Array(codes.buffer), header.length);
  return file;
}

/**
 * Reads texts from a file that {@linkcode decodeNpyHeader} has read the header of; `undefined` if its elements are none, or
 * not all there.
 *
 * @param maxLength most characters of a text
 */
export function decodeNpyTexts(bytes: Uint8Array, header: NpyHeader, maxLength: number): string[] | undefined {
  const data = bytes.subarray(header.dataStart);
  const [, order, digits] = /^([<>])U(\d{1,9})$/.exec(header.descr) ?? [];
  const length = Number(digits);
  const count = header.shape.reduce((product, side) => product * side, 1);
  if (order === undefined || length > maxLength || data.length !== 4 * length * count) return undefined;
  if (length === 0 && count > 1) return undefined; // no bytes, and any number of texts
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const texts: string[] = [];
  for (let i = 0; i < count; i++) {
    const codes = Array.from({ length }, (_, j) => view.getUint32(4 * (i * length + j), order === "<"));
    if (codes.some((code) => code > 0x10ffff)) return undefined;
    texts.push(String.fromCodePoint(...codes).replace(/\0+$/, ""));
  }
  return texts;
}

/**
 * Reads the header of a file.
 *
 * @param bytes the file, or at least its first {@linkcode MAX_NPY_HEADER_BYTES} bytes
 * @param task the beginning of messages
 * @throws {TypeError} if it is not a `.npy` file, or damaged
 */
export function decodeNpyHeader(bytes: Uint8Array, task: string): NpyHeader {
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
  return { ...parseHeader(textOf(bytes.subarray(start, start + length)), task), dataStart: start + length };
}

function parseHeader(header: string, task: string): Omit<NpyHeader, "dataStart"> {
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

function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

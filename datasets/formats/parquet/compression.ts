/**
 * Unpacks the pages of Parquet files.
 *
 * @module
 */

import zlib from "node:zlib";
import { reasonOf } from "../../../hub/show.ts";
import type { Fail } from "./thrift.ts";

/** Unpacks bytes that become `size`, or else throws. */
export type Unpack = (packed: Uint8Array, size: number) => Uint8Array;

/** The codecs by their number in the format, and how they are unpacked, as far as they are. */
const CODECS: readonly (readonly [name: string, unpack?: Unpack])[] = [
  ["UNCOMPRESSED", (packed) => packed],
  ["SNAPPY", unpackSnappy],
  ["GZIP", byZlib("gunzipSync")],
  ["LZO"],
  ["BROTLI", byZlib("brotliDecompressSync")],
  ["LZ4"],
  ["ZSTD", byZlib("zstdDecompressSync")],
  ["LZ4_RAW"],
];

/** Unpacks by a function of Node's zlib; `undefined` where that is older than the function. */
function byZlib(name: string): Unpack | undefined {
  const unpack = (zlib as unknown as Record<string, typeof zlib.gunzipSync | undefined>)[name];
  return unpack && ((packed, size) => unpack(packed, { maxOutputLength: size }));
}

/** The function that unpacks a codec. */
export function unpackerOf(codec: number, fail: Fail): Unpack {
  const [name, unpack] = CODECS[codec] ?? [`${codec}`];
  if (!unpack) {
    const known = CODECS.flatMap(([name, unpack]) => unpack ? [name] : []).join(", ");
    const advice = name === "ZSTD" ? ", which Node unpacks from 22.15 on" : "";
    throw fail(`expected the compression ${known}, found ${name}${advice}`);
  }
  const unpackOrFail: Unpack = (packed, size) => {
    try {
      return unpack(packed, size);
    } catch (cause) {
      throw fail(`expected a page of ${size} bytes packed by ${name}, found damaged data (${reasonOf(cause)})`);
    }
  };
  return (packed, size) => {
    if (size === 0) return new Uint8Array(); // a page without values, which some writers do not pack
    const { buffer, byteOffset, length } = unpackOrFail(packed, size);
    if (length !== size) throw fail(`expected a page of ${size} bytes, found ${length} by ${name}`);
    return new Uint8Array(buffer, byteOffset, length); // a Buffer's slice would share its memory
  };
}

/**
 * Unpacks Snappy. Ours, since hyparquet's `snappyUncompress` never ends on a literal of 2^32 - 16 bytes, and other packages
 * are native.
 */
function unpackSnappy(packed: Uint8Array, size: number): Uint8Array {
  const output = new Uint8Array(size);
  let at = packed.findIndex((byte) => byte < 128) + 1; // after the unpacked size
  let end = 0;
  const littleEndian = (bytes: number) => {
    let value = 0;
    for (let i = 0; i < bytes; i++) value += (packed[at + i] ?? 0) * 256 ** i;
    at += bytes;
    return value;
  };
  while (at < packed.length) {
    const tag = packed[at++];
    if (tag % 4 === 0) {
      const short = tag >> 2;
      const length = 1 + (short < 60 ? short : littleEndian(short - 59));
      if (length > packed.length - at || length > size - end) throw new Error("a literal is too long");
      output.set(packed.subarray(at, at + length), end);
      at += length;
      end += length;
    } else {
      const length = tag % 4 === 1 ? (tag >> 2) % 8 + 4 : (tag >> 2) + 1;
      const distance = tag % 4 === 1 ? (tag >> 5) * 256 + littleEndian(1) : littleEndian(tag % 4 === 2 ? 2 : 4);
      if (distance === 0 || distance > end || length > size - end) {
        throw new Error("a copy is too far back or too long");
      }
      for (let i = 0; i < length; i++) output[end + i] = output[end + i - distance];
      end += length;
    }
  }
  return output.subarray(0, end);
}

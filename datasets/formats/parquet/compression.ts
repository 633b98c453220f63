/**
 * Unpacks the pages of Parquet files.
 *
 * @module
 */

import { reasonOf } from "../../../hub/show.ts";
import type { Fail } from "./thrift.ts";

/** Unpacks bytes that become `size`, or else throws. */
export type Unpack = (packed: Uint8Array, size: number) => Uint8Array;

const NAMES = ["UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"];

/** The function that unpacks a codec, by its number in the format. */
export async function unpackerOf(codec: number, fail: Fail): Promise<Unpack> {
  const { brotliDecompressSync, gunzipSync, zstdDecompressSync } = await import("node:zlib");
  const codecs: Readonly<Record<string, Unpack>> = {
    UNCOMPRESSED: (packed) => packed,
    SNAPPY: (packed, size) => unpackSnappy(packed, size, fail),
    GZIP: (packed, size) => gunzipSync(packed, { maxOutputLength: size }),
    BROTLI: (packed, size) => brotliDecompressSync(packed, { maxOutputLength: size }),
    ZSTD: (packed, size) => zstdDecompressSync(packed, { maxOutputLength: size }),
  };
  const name = NAMES[codec] ?? `${codec}`;
  const unpack = codecs[name];
  if (!unpack) throw fail(`expected the compression ${Object.keys(codecs).join(", ")}, found ${name}`);
  return (packed, size) => {
    if (size === 0) return new Uint8Array(); // a page without values, which some writers do not pack
    const bytes = unpackWith(unpack, packed, { size, name });
    if (bytes.length !== size) throw fail(`expected a page of ${size} bytes, found ${bytes.length} by ${name}`);
    return bytes;
  };

  function unpackWith(
    unpack: Unpack,
    packed: Uint8Array,
    { size, name }: { size: number; name: string },
  ): Uint8Array {
    try {
      return unpack(packed, size);
    } catch (cause) {
      if (cause instanceof Error && "code" in cause) throw fail(`a page is no ${name} (${reasonOf(cause)})`);
      throw cause;
    }
  }
}

/**
 * Unpacks Snappy. Ours, since hyparquet's `snappyUncompress` never ends on a literal of 2^32 - 16 bytes, and other packages
 * are native.
 */
function unpackSnappy(packed: Uint8Array, size: number, fail: Fail): Uint8Array {
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
      if (length > packed.length - at || length > size - end) throw fail("a page is no SNAPPY: a literal is too long");
      output.set(packed.subarray(at, at + length), end);
      at += length;
      end += length;
    } else {
      const length = tag % 4 === 1 ? (tag >> 2) % 8 + 4 : (tag >> 2) + 1;
      const distance = tag % 4 === 1 ? (tag >> 5) * 256 + littleEndian(1) : littleEndian(tag % 4 === 2 ? 2 : 4);
      if (distance === 0 || distance > end || length > size - end) throw fail("a page is no SNAPPY: a copy is too far");
      for (let i = 0; i < length; i++) output[end + i] = output[end + i - distance];
      end += length;
    }
  }
  return output.subarray(0, end);
}

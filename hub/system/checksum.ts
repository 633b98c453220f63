/**
 * Checksums of zip archives: CRC-32 by Node's `zlib`, elsewhere by a table: imagescript's function, which pictures
 * use, cannot continue an earlier checksum.
 *
 * @module
 */

import { findNodeModule } from "./node_modules.ts";

const POLYNOMIAL = 0xedb88320;

let table: Uint32Array | undefined;

/** The CRC-32 of bytes; `previous` is that of the bytes before them. */
export function crc32(bytes: Uint8Array, previous = 0): number {
  const native = findNodeModule("node:zlib")?.crc32;
  return native ? native(bytes, previous) : portableCrc32(bytes, previous);
}

function portableCrc32(bytes: Uint8Array, previous: number): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => remainderOf(byte));
  let checksum = ~previous;
  for (const byte of bytes) checksum = table[(checksum ^ byte) & 255] ^ (checksum >>> 8);
  return ~checksum >>> 0;
}

function remainderOf(byte: number): number {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ POLYNOMIAL : byte >>> 1;
  return byte;
}

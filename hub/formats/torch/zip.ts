/**
 * Reads the directory of a zip archive, with 64-bit sizes (ZIP64).
 *
 * @module
 */

import { ByteCursor } from "./byte_cursor.ts";
import type { ByteSource } from "../byte_source.ts";
import { WeightsError } from "../../errors.ts";
import { showText } from "../../show.ts";

/** A file in an archive. */
export interface ZipEntry {
  /** Path in the archive. */
  readonly name: string;
  /** Unpacked size in bytes. */
  readonly size: number;
  /** Size in the archive in bytes. */
  readonly packedSize: number;
  /** 0: stored; 8: deflated. */
  readonly method: 0 | 8;
  /** Offset of the local header. */
  readonly offset: number;
  /** CRC-32; absent if the writer left it out, which is an option of torch. */
  readonly checksum?: number;
}

/** Size of the end record without, and of the longest comment at its end. */
const END_SIZE = 22;
const MAX_COMMENT_LENGTH = 0xffff;
/** Smallest size of the header in front of an entry's bytes. */
const LOCAL_HEADER_SIZE = 30;
/** The directory is read as a whole. */
const MAX_DIRECTORY_SIZE = 64 * 1024 * 1024;
/** Enough for a model of a hundred thousand tensors. */
const MAX_ENTRIES = 100_000;

/**
 * Reads the directory of a zip archive: its entries by path.
 *
 * @throws {WeightsError} if the archive is damaged
 */
export async function readZipDirectory(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const { offset, size } = await findDirectory(source);
  if (size > MAX_DIRECTORY_SIZE || offset + size > source.size) {
    throw damaged(source.name, `its directory of ${size} bytes at ${offset} does not fit into ${source.size} bytes`);
  }
  const directory = new ByteCursor(await source.read(offset, size), `the zip directory of ${source.name}`);
  const entries = new Map<string, ZipEntry>();
  const places: [begin: number, end: number][] = [];
  while (directory.left > 0) {
    if (places.length === MAX_ENTRIES) throw damaged(source.name, `it has more than ${MAX_ENTRIES} entries`);
    const entry = readEntry(directory, source.name);
    if (entries.has(entry.name)) throw damaged(source.name, `it has the entry ${showText(entry.name)} twice`);
    entries.set(entry.name, entry);
    places.push([entry.offset, entry.offset + LOCAL_HEADER_SIZE + entry.packedSize]);
  }
  checkApart(places, source.name);
  return entries;
}

async function findDirectory(source: ByteSource): Promise<{ offset: number; size: number }> {
  const length = Math.min(source.size, END_SIZE + MAX_COMMENT_LENGTH);
  const tail = await source.read(source.size - length, length);
  const view = new DataView(tail.buffer);
  for (let at = length - END_SIZE; at >= 0; at--) {
    if (view.getUint32(at, true) === 0x06054b50 && view.getUint16(at + 20, true) === length - END_SIZE - at) {
      return await findDirectory64(source, source.size - length + at) ??
        { size: view.getUint32(at + 12, true), offset: view.getUint32(at + 16, true) };
    }
  }
  throw damaged(source.name, "the record that ends every zip archive is missing");
}

/** The same from the 64-bit end record, if a locator directly before the end record points to one. */
async function findDirectory64(source: ByteSource, end: number): Promise<{ offset: number; size: number } | undefined> {
  if (end < 20) return undefined;
  const locator = new DataView((await source.read(end - 20, 20)).buffer);
  if (locator.getUint32(0, true) !== 0x07064b50) return undefined;
  const record = new DataView((await source.read(Number(locator.getBigUint64(8, true)), 56)).buffer);
  if (record.getUint32(0, true) !== 0x06064b50) {
    throw damaged(source.name, "its 64-bit end record is not where it should be");
  }
  return { size: Number(record.getBigUint64(40, true)), offset: Number(record.getBigUint64(48, true)) };
}

function readEntry(directory: ByteCursor, archive: string): ZipEntry {
  if (directory.u32() !== 0x02014b50) throw damaged(archive, "its directory contains something other than entries");
  directory.take(4); // versions
  const flags = directory.u16();
  const method = directory.u16();
  directory.take(4); // time, date
  const checksum = directory.u32() || undefined;
  let packedSize = directory.u32();
  let size = directory.u32();
  const nameLength = directory.u16();
  const extraLength = directory.u16();
  const commentLength = directory.u16();
  directory.take(8); // disk, attributes
  let offset = directory.u32();
  const name = directory.text(nameLength);
  const extra = new ByteCursor(directory.take(extraLength), `the zip directory of ${archive}`);
  directory.take(commentLength);

  while (extra.left >= 4) {
    const kind = extra.u16();
    const field = new ByteCursor(extra.take(extra.u16()), `the zip directory of ${archive}`);
    if (kind !== 1) continue; // 1: the sizes that did not fit into 32 bits
    if (size === 0xffffffff) size = field.u64();
    if (packedSize === 0xffffffff) packedSize = field.u64();
    if (offset === 0xffffffff) offset = field.u64();
  }
  if (flags & 1) throw damaged(archive, `entry ${showText(name)} is encrypted`);
  if (method !== 0 && method !== 8) throw damaged(archive, `entry ${showText(name)} is neither stored nor deflated`);
  if (method === 0 && size !== packedSize) {
    throw damaged(archive, `entry ${showText(name)} is stored, yet has two sizes`);
  }
  return { name, size, packedSize, method, offset, checksum };
}

/** Refuses entries that share bytes, which could be unpacked many times (a zip bomb). */
function checkApart(places: readonly (readonly [begin: number, end: number])[], archive: string): void {
  let last = 0;
  for (const [begin, end] of places.toSorted(([a], [b]) => a - b)) {
    if (begin < last) throw damaged(archive, "its entries overlap");
    last = end;
  }
}

/** The error for a damaged archive. */
export function damaged(archive: string, problem: string, options?: ErrorOptions): WeightsError {
  return new WeightsError(
    `Cannot read ${archive}: ${problem}. It is damaged or not a zip archive; fetch it again`,
    options,
  );
}

/**
 * Reads zip archives: stored and deflated entries, with 64-bit sizes where an archive has them.
 *
 * @module
 */

import { ByteCursor } from "./byte_cursor.ts";
import type { ByteSource } from "./byte_source.ts";
import { reasonOf, WeightsError } from "./errors.ts";
import { showText } from "./show.ts";

/** A file in an archive. */
export interface ZipEntry {
  /** Its path in the archive. */
  readonly name: string;
  /** How many bytes it has once unpacked. */
  readonly size: number;
  /** How many bytes it takes in the archive. */
  readonly packedSize: number;
  /** 0: stored; 8: deflated. */
  readonly method: number;
  /** Where its local header is. */
  readonly offset: number;
}

/** The end record: fixed part, and the longest comment that may follow it. */
const END_SIZE = 22;
const LONGEST_COMMENT = 0xffff;
/** The index of an archive is read as a whole. */
const LARGEST_DIRECTORY = 64 * 1024 * 1024;
/** No deflated byte becomes more than 1032 bytes. */
const LARGEST_DEFLATE_RATIO = 1032;
/** Bytes to inflate at once: what they become is held as a whole, also where it is more than the entry says. */
const PIECE = 16 * 1024;

/**
 * The entries of an archive, by path.
 *
 * @throws {WeightsError} if the archive is damaged
 */
export async function readZipDirectory(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const { offset, size } = await findDirectory(source);
  if (size > LARGEST_DIRECTORY || offset + size > source.size) {
    throw damaged(source.name, `its directory of ${size} bytes at ${offset} does not fit into ${source.size} bytes`);
  }
  const directory = new ByteCursor(await source.read(offset, size), `the zip directory of ${source.name}`);
  const entries = new Map<string, ZipEntry>();
  while (directory.left > 0) {
    const entry = readEntry(directory, source.name);
    if (entries.has(entry.name)) throw damaged(source.name, `it has the entry ${showText(entry.name)} twice`);
    entries.set(entry.name, entry);
  }
  return entries;
}

/**
 * Unpacks part of an entry.
 *
 * @throws {WeightsError} if the entry is damaged, or shorter than that
 */
export async function readZipEntry(
  source: ByteSource,
  entry: ZipEntry,
  offset = 0,
  length: number = entry.size,
): Promise<Uint8Array<ArrayBuffer>> {
  const start = await findData(source, entry);
  if (offset + length > entry.size) {
    throw damaged(source.name, `${showText(entry.name)} has ${entry.size} bytes, expected ${offset + length}`);
  }
  if (entry.method === 0) return await source.read(start + offset, length);
  const whole = await inflate(await source.read(start, entry.packedSize), entry, source.name);
  return length === entry.size ? whole : whole.slice(offset, offset + length);
}

async function findDirectory(source: ByteSource): Promise<{ offset: number; size: number }> {
  const length = Math.min(source.size, END_SIZE + LONGEST_COMMENT);
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

/** The same from the 64-bit record that a locator right before the end record points to, where there is one. */
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
  if (directory.u32() !== 0x02014b50) throw damaged(archive, "its directory holds something else than entries");
  directory.take(4); // versions
  const flags = directory.u16();
  const method = directory.u16();
  directory.take(8); // time, date, checksum
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
  return { name, size, packedSize, method, offset };
}

/** Where an entry's bytes begin: behind a header whose length only it knows. */
async function findData(source: ByteSource, entry: ZipEntry): Promise<number> {
  const header = new DataView((await source.read(entry.offset, 30)).buffer);
  if (header.getUint32(0, true) !== 0x04034b50) {
    throw damaged(source.name, `${showText(entry.name)} is not where it should be`);
  }
  return entry.offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
}

async function inflate(
  packed: Uint8Array<ArrayBuffer>,
  entry: ZipEntry,
  archive: string,
): Promise<Uint8Array<ArrayBuffer>> {
  if (entry.size > packed.length * LARGEST_DEFLATE_RATIO) {
    throw damaged(
      archive,
      `${showText(entry.name)} says it unpacks ${packed.length} bytes to ${entry.size}, which cannot be`,
    );
  }
  let bytes: Uint8Array<ArrayBuffer>;
  let done = 0;
  try {
    bytes = new Uint8Array(entry.size);
    for await (
      const part of ReadableStream.from(piecesOf(packed)).pipeThrough(new DecompressionStream("deflate-raw"))
    ) {
      bytes.set(part, done); // a RangeError beyond the end
      done += part.length;
    }
  } catch (cause) {
    throw damaged(archive, `${showText(entry.name)} cannot be unpacked: ${reasonOf(cause)}`, { cause });
  }
  if (done !== entry.size) {
    throw damaged(archive, `${showText(entry.name)} unpacks to ${done} bytes, expected ${entry.size}`);
  }
  return bytes;
}

function* piecesOf(bytes: Uint8Array<ArrayBuffer>): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

function damaged(archive: string, problem: string, options?: ErrorOptions): WeightsError {
  return new WeightsError(
    `Cannot read ${archive}: ${problem}. It is damaged or no zip archive; fetch it again`,
    options,
  );
}

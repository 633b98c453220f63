/**
 * Unpacks entries of zip archives in bounded memory, and checks their checksums.
 *
 * @module
 */

import type { ByteSource, Span } from "../byte_source.ts";
import { WeightsError } from "../../errors.ts";
import { reasonOf, showText } from "../../show.ts";
import { crc32 } from "../../system/checksum.ts";
import { chunksOf, streamOf } from "../../system/streams.ts";
import { damaged, type ZipEntry } from "./zip.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A deflated byte unpacks to 1032 bytes at most. */
const MAX_DEFLATE_RATIO = 1032;
/** Packed bytes to read at once, by method. Their unpacked bytes are in memory together, even if a false size hides them. */
const PIECES: Readonly<Record<ZipEntry["method"], number>> = { 0: 4 * 2 ** 20, 8: 16 * 1024 };
/** Bytes that are unpacked in addition to reach the checksum, if the needed ones are fewer. */
const CHEAP = 2 ** 20;

/**
 * Reads and unpacks an entry of a zip archive, and checks its checksum.
 *
 * @throws {WeightsError} if the entry is damaged
 */
export async function readZipEntry(source: ByteSource, entry: ZipEntry): Promise<Uint8Array<ArrayBuffer>> {
  const [bytes] = await readZipSpans(source, entry, [{ begin: 0, end: entry.size }]);
  return bytes;
}

/** Number of bytes of an entry that are unpacked to read some spans: up to the last, or all if that is little more. */
export function costOfSpans({ size }: ZipEntry, spans: readonly Span[]): number {
  const end = spans.at(-1)?.end ?? 0;
  return size - end <= lengthOf(spans) + CHEAP ? size : end;
}

/** Total number of bytes of spans. */
export function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { begin, end }) => sum + end - begin, 0);
}

/**
 * Reads spans of an entry in one pass, as far as {@linkcode costOfSpans} says. If that is the whole entry, its checksum is
 * checked.
 *
 * @param spans in order, without overlap
 * @throws {WeightsError} if the entry is damaged, or ends before a span
 */
export async function readZipSpans(source: ByteSource, entry: ZipEntry, spans: readonly Span[]): Promise<Bytes[]> {
  checkSpan(source, entry, spans.at(-1));
  const parts = spans.map(({ begin, end }) => allocate(end - begin, source, entry));
  await unpack(source, entry, costOfSpans(entry, spans), (chunk, start) => copyInto(parts, spans, chunk, start));
  return parts;
}

/**
 * Reads a span of a stored entry, and nothing before it.
 *
 * @throws {WeightsError} if the entry is damaged, or ends before the span
 */
export async function readStoredSpan(source: ByteSource, entry: ZipEntry, span: Span): Promise<Bytes> {
  checkSpan(source, entry, span);
  return await source.read(await findData(source, entry) + span.begin, span.end - span.begin);
}

/**
 * Checks the checksum of an entry without keeping its bytes.
 *
 * @throws {WeightsError} if it is damaged
 */
export async function checkZipEntry(source: ByteSource, entry: ZipEntry): Promise<void> {
  await unpack(source, entry, entry.size, () => {});
}

function checkSpan(source: ByteSource, entry: ZipEntry, span: Span | undefined): void {
  const { size, packedSize, method } = entry;
  if (span && span.end > size) throw damagedEntry(source, entry, `has ${size} bytes, expected ${span.end}`);
  if (method === 8 && size > packedSize * MAX_DEFLATE_RATIO) {
    throw damagedEntry(source, entry, `claims to unpack ${packedSize} bytes to ${size}, which is impossible`);
  }
}

/** Unpacks at least the first `minimum` bytes of an entry. If that is all of it, its checksum is checked. */
async function unpack(
  source: ByteSource,
  entry: ZipEntry,
  minimum: number,
  use: (chunk: Uint8Array, start: number) => void,
): Promise<void> {
  const fail = (problem: string, cause?: unknown) => damagedEntry(source, entry, problem, cause);
  const { size, method } = entry;
  let done = 0;
  let checksum = 0;
  const packed = packedPieces(source, entry);
  const inflated = () => chunksOf(streamOf(packed).pipeThrough(new DecompressionStream("deflate-raw")));
  try {
    for await (const chunk of method === 0 ? packed : inflated()) {
      if (done + chunk.length > size) throw fail(`cannot be unpacked: it has more than ${size} bytes`);
      use(chunk, done);
      checksum = crc32(chunk, checksum);
      done += chunk.length;
      if (done >= minimum && minimum < size) return;
    }
  } catch (cause) {
    throw cause instanceof WeightsError ? cause : fail(`cannot be unpacked: ${reasonOf(cause)}`, cause);
  }
  if (done !== size) throw fail(`unpacks to ${done} bytes, expected ${size}`);
  if (entry.checksum !== undefined && checksum !== entry.checksum) {
    throw fail(`has the checksum ${checksum}, expected ${entry.checksum}`);
  }
}

/** Copies the bytes of a chunk at offset `start` into the parts whose spans overlap it. */
function copyInto(parts: readonly Bytes[], spans: readonly Span[], chunk: Uint8Array, start: number): void {
  const end = start + chunk.length;
  for (let i = firstBeyond(spans, start); i < spans.length && spans[i].begin < end; i++) {
    const from = Math.max(spans[i].begin, start);
    const to = Math.min(spans[i].end, end);
    parts[i].set(chunk.subarray(from - start, to - start), from - spans[i].begin);
  }
}

/** Index of the first span that ends after an offset. */
function firstBeyond(spans: readonly Span[], offset: number): number {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle].end > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

async function* packedPieces(source: ByteSource, entry: ZipEntry): AsyncGenerator<Bytes> {
  const start = await findData(source, entry);
  const piece = PIECES[entry.method];
  for (let at = 0; at < entry.packedSize; at += piece) {
    yield await source.read(start + at, Math.min(piece, entry.packedSize - at));
  }
}

/** Offset of an entry's bytes, after a header of variable length. */
async function findData(source: ByteSource, entry: ZipEntry): Promise<number> {
  const header = new DataView((await source.read(entry.offset, 30)).buffer);
  if (header.getUint32(0, true) !== 0x04034b50) {
    throw damagedEntry(source, entry, "is not where it should be");
  }
  return entry.offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
}

function allocate(length: number, source: ByteSource, entry: ZipEntry): Bytes {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw damagedEntry(source, entry, `takes ${length} bytes, for which there is not enough memory`, cause);
  }
}

function damagedEntry({ name }: ByteSource, entry: ZipEntry, problem: string, cause?: unknown): WeightsError {
  return damaged(name, `${showText(entry.name)} ${problem}`, { cause });
}

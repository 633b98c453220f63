/**
 * Files of records from anywhere: paths, bytes, streams.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { type ByteSource, openFile, sourceOfBytes } from "../../hub/mod.ts";
import { concatBytes } from "./byte_stream.ts";
import { collect } from "./collect.ts";

/** A file of tokens: its path or `file:` URL, its bytes, an open file, or a stream of bytes, such as standard input. */
export type RecordSource = string | URL | Uint8Array | Blob | ByteSource | AsyncIterable<Uint8Array>;

/** Bytes per read of a file that is read as a stream. */
const CHUNK_BYTES = 2 ** 20;
/** Bytes that identify a format. */
const START_BYTES = 512;

/** A file of records, before its format is known. */
export interface RecordFile {
  /** Its first bytes. */
  readonly start: Uint8Array;
  /** Random access; a stream is read into memory first. */
  source(): Promise<ByteSource>;
  /** All bytes in order. */
  chunks(): AsyncIterable<Uint8Array>;
  /** Closes it, if it was opened here. */
  close(): Promise<void>;
}

/** Opens a source. */
export async function openRecordFile(from: RecordSource, name: string): Promise<RecordFile> {
  if (isStream(from)) return await openStreamed(from, name);
  const isOpen = isByteSource(from);
  const source = isOpen ? from : await openSource(from, name);
  return {
    start: await source.read(0, Math.min(START_BYTES, source.size)),
    source: () => Promise.resolve(source),
    chunks: () => chunksOf(source),
    close: () => isOpen ? Promise.resolve() : source.close(),
  };
}

/** The name of a source, for messages. */
export function nameOf(source: RecordSource): string | undefined {
  if (typeof source === "string" || source instanceof URL) return `${source}`;
  const { name } = source as { name?: unknown };
  return typeof name === "string" ? name : undefined;
}

async function openSource(from: string | URL | Uint8Array | Blob, name: string): Promise<ByteSource> {
  if (from instanceof Uint8Array) return sourceOfBytes(from, name);
  if (from instanceof Blob) return sourceOfBytes(new Uint8Array(await from.arrayBuffer()), name);
  if (typeof from !== "string" && !(from instanceof URL)) {
    throw new TypeError("Cannot read tokens: expected a path, a file: URL, bytes, a Blob, an open file or a stream");
  }
  return await openFile(`${from}`.startsWith("file:") ? fileURLToPath(from) : `${from}`);
}

async function openStreamed(stream: AsyncIterable<Uint8Array>, name: string): Promise<RecordFile> {
  const iterator = stream[Symbol.asyncIterator]();
  const read: Uint8Array[] = [];
  let length = 0;
  while (length < START_BYTES) {
    const { done, value } = await iterator.next();
    if (done) break;
    read.push(value);
    length += value.length;
  }
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      yield* read;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return {
    start: concatBytes(read).subarray(0, START_BYTES),
    source: async () => sourceOfBytes(concatBytes(await collect(chunks())), name),
    chunks,
    close: async () => void await iterator.return?.(),
  };
}

async function* chunksOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < source.size; at += CHUNK_BYTES) {
    yield await source.read(at, Math.min(CHUNK_BYTES, source.size - at));
  }
}

function isStream(source: RecordSource): source is AsyncIterable<Uint8Array> {
  return typeof source === "object" && source !== null && Symbol.asyncIterator in source;
}

function isByteSource(source: RecordSource): source is ByteSource {
  return typeof source === "object" && "read" in source && "size" in source;
}

/**
 * Reads exact numbers of bytes from a stream of chunks.
 *
 * @module
 */

import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { reasonOf } from "../../hub/show.ts";

/** Reads a stream in pieces of chosen length. */
export interface ByteStream {
  /** Number of bytes read or skipped so far. */
  readonly offset: number;
  /** The next `length` bytes, or fewer at the end of the stream. Allocates memory only for bytes that have arrived. */
  read(length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Skips `length` bytes; returns how many there were. */
  skip(length: number): Promise<number>;
  /** The rest, in pieces as they arrive. */
  rest(): AsyncGenerator<Uint8Array>;
  /** Stops reading the stream. */
  close(): Promise<void>;
}

/** Reads a stream of chunks of any sizes in pieces of chosen length. */
export function byteStream(chunks: AsyncIterable<Uint8Array>): ByteStream {
  const iterator = chunks[Symbol.asyncIterator]();
  let chunk: Uint8Array = new Uint8Array();
  let offset = 0;

  return {
    get offset() {
      return offset;
    },
    async read(length) {
      const parts: Uint8Array[] = [];
      await advance(length, (part) => parts.push(part));
      return concatBytes(parts);
    },
    skip: (length) => advance(length, () => {}),
    async *rest() {
      for (; await fill(); chunk = new Uint8Array()) {
        offset += chunk.length;
        yield chunk;
      }
    },
    close: async () => void await iterator.return?.(),
  };

  /** Whether there is another byte, in `chunk`. */
  async function fill(): Promise<boolean> {
    while (chunk.length === 0) {
      const { done, value } = await iterator.next();
      if (done) return false;
      chunk = value;
    }
    return true;
  }

  async function advance(length: number, use: (part: Uint8Array) => void): Promise<number> {
    let done = 0;
    while (done < length && await fill()) {
      const part = chunk.subarray(0, length - done);
      chunk = chunk.subarray(part.length);
      done += part.length;
      offset += part.length;
      use(part);
    }
    return done;
  }
}

/** Joins parts in a new buffer. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}

/**
 * Unpacks a stream if it begins like a gzip file.
 *
 * @param task the beginning of messages
 * @throws {TypeError} if it is damaged
 */
export async function* unpackGzip(chunks: AsyncIterable<Uint8Array>, task: string): AsyncGenerator<Uint8Array> {
  const stream = byteStream(chunks);
  try {
    const start = await stream.read(2);
    const whole = (async function* () {
      yield start;
      yield* stream.rest();
    })();
    if (start[0] !== 0x1f || start[1] !== 0x8b) return yield* whole;
    // Passes errors on to the consumer of the unpacked bytes, who gets them as rejections.
    yield* pipeline(Readable.from(whole), createGunzip(), () => {});
  } catch (cause) {
    if (!`${(cause as { code?: unknown })?.code}`.startsWith("Z_")) throw cause;
    throw new TypeError(`${task}: expected gzip, found damaged data (${reasonOf(cause)}); fetch it again`, { cause });
  } finally {
    await stream.close();
  }
}

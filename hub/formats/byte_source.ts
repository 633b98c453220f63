/**
 * Bytes that are read piece by piece: a file, or memory that looks like one.
 *
 * @module
 */

import { open, stat } from "node:fs/promises";
import { WeightsError } from "../errors.ts";
import { reasonOf } from "../show.ts";

/** Bytes of known length, any part of which can be read. */
export interface ByteSource {
  /** What the bytes are called in messages, e.g. a path. */
  readonly name: string;
  /** How many bytes there are. */
  readonly size: number;
  /**
   * Copies `length` bytes from `offset` on into a buffer of their own.
   *
   * @throws {WeightsError} if they are not all there
   */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Gives back what the source holds. Closing twice is harmless. */
  close(): Promise<void>;
}

/** One `read` of a file: Node refuses more than 2 GiB at once. */
const LARGEST_READ = 2 ** 30;

/** A source over bytes in memory. They are kept, not copied. */
export function sourceOfBytes(bytes: Uint8Array, name: string): ByteSource {
  const size = bytes.byteLength;
  return {
    name,
    size,
    // deno-lint-ignore require-await -- a range error is a rejection
    async read(offset, length) {
      const copy = allocate({ name, size }, offset, length);
      copy.set(bytes.subarray(offset, offset + length));
      return copy;
    },
    close: () => Promise.resolve(),
  };
}

/**
 * A source over a file, which stays open until the source is closed. Only what is asked for is read.
 *
 * @throws {WeightsError} if there is no such file, or it cannot be read
 */
export async function openFile(path: string): Promise<ByteSource> {
  const { file, size } = await openRegularFile(path);
  let closed: Promise<void> | undefined;

  return {
    name: path,
    size,
    async read(offset, length) {
      if (closed) throw new WeightsError(`Cannot read ${path}: it was closed`);
      const bytes = allocate({ name: path, size }, offset, length);
      for (let done = 0; done < length;) {
        const part = Math.min(length - done, LARGEST_READ);
        const { bytesRead } = await file.read(bytes, done, part, offset + done).catch((cause) => {
          throw new WeightsError(`Cannot read ${path}: ${reasonOf(cause)}`, { cause });
        });
        if (bytesRead === 0) {
          throw new WeightsError(
            `Cannot read ${path}: expected ${size} bytes, found its end at ${offset + done}; was it changed meanwhile?`,
          );
        }
        done += bytesRead;
      }
      return bytes;
    },
    close: () => closed ??= file.close(),
  };
}

async function openRegularFile(path: string) {
  try {
    await checkRegularFile(path);
    const file = await open(path);
    return { file, size: (await file.stat()).size }; // its own: another file may have that name by now
  } catch (cause) {
    throw new WeightsError(`Cannot open ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** Asked before opening, which would wait forever on a named pipe. */
async function checkRegularFile(path: string): Promise<void> {
  const found = await stat(path);
  if (!found.isFile()) throw new WeightsError("expected a file, found a folder or a device");
}

/** A buffer for part of a source, made only once it is known that the source holds that part. */
function allocate(
  { name, size }: { name: string; size: number },
  offset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
    throw new WeightsError(`Cannot read ${length} bytes at ${offset} of ${name}: expected whole numbers ≥ 0`);
  }
  if (offset + length > size) {
    throw new WeightsError(`Cannot read ${length} bytes at ${offset} of ${name}: it has only ${size} bytes`);
  }
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new WeightsError(`Cannot read ${length} bytes of ${name}: not enough memory`, { cause });
  }
}

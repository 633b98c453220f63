/**
 * Random access to the bytes of a file, of a `Blob` or of memory.
 *
 * @module
 */

import { open, stat } from "../system/files.ts";
import { WeightsError } from "../errors.ts";
import { reasonOf } from "../show.ts";

/** A range of bytes: from `begin` up to, but not including, `end`. */
export interface Span {
  /** Offset of the first byte. */
  readonly begin: number;
  /** Offset after the last byte. */
  readonly end: number;
}

/** Bytes of known length with random access. */
export interface ByteSource {
  /** Name of the source in messages, e.g. a path. */
  readonly name: string;
  /** Number of bytes. */
  readonly size: number;
  /**
   * Copies `length` bytes from `offset` on into a new buffer.
   *
   * @throws {WeightsError} if the source has fewer bytes, or cannot be read
   */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Fills `target`, which may be shared memory, with the bytes from `offset` on, without a copy on the way. Absent where
   * there would be one; see {@linkcode readInto}.
   *
   * @throws {WeightsError} as {@linkcode ByteSource.read} does
   */
  readInto?(offset: number, target: Uint8Array): Promise<void>;
  /** Announces all spans that will be read, instead of earlier ones: over a network, neighbours are read together. */
  expect?(spans: readonly Span[]): void;
  /** Closes the file, if it is one. Closing twice is harmless. */
  close(): Promise<void>;
}

/** Bytes per read of a file: Node refuses more than 2 GiB. */
const MAX_READ_SIZE = 2 ** 30;

/** A source over bytes in memory, which are not copied. */
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
    // deno-lint-ignore require-await -- a range error is a rejection
    async readInto(offset, target) {
      checkRange({ name, size }, offset, target.length);
      target.set(bytes.subarray(offset, offset + target.length));
    },
    close: () => Promise.resolve(),
  };
}

/**
 * A source over a `Blob`, such as a file that a person chose in a browser. Only the requested bytes are read.
 *
 * @param name in messages
 */
export function sourceOfBlob(blob: Blob, name: string): ByteSource {
  const { size } = blob;
  return {
    name,
    size,
    async read(offset, length) {
      checkRange({ name, size }, offset, length);
      const bytes = await blob.slice(offset, offset + length).arrayBuffer().catch((cause) => {
        throw new WeightsError(`Cannot read ${name}: ${reasonOf(cause)}. Was it changed or removed meanwhile?`, {
          cause,
        });
      });
      if (bytes.byteLength === length) return new Uint8Array(bytes);
      throw new WeightsError(
        `Cannot read ${name}: expected ${length} bytes at ${offset}, found ${bytes.byteLength}; was it changed meanwhile?`,
      );
    },
    close: () => Promise.resolve(),
  };
}

/**
 * A source over a file, which stays open until the source is closed. Only the requested bytes are read.
 *
 * @throws {WeightsError} if there is no such file, or it cannot be read
 */
export async function openFile(path: string): Promise<ByteSource> {
  const { file, size } = await openRegularFile(path);
  let closed: Promise<void> | undefined;

  async function fill(target: Uint8Array, offset: number): Promise<void> {
    if (closed) throw new WeightsError(`Cannot read ${path}: it was closed`);
    for (let done = 0; done < target.length;) {
      const part = Math.min(target.length - done, MAX_READ_SIZE);
      const { bytesRead } = await file.read(target, done, part, offset + done).catch((cause) => {
        throw new WeightsError(`Cannot read ${path}: ${reasonOf(cause)}`, { cause });
      });
      if (bytesRead === 0) {
        throw new WeightsError(
          `Cannot read ${path}: expected ${size} bytes, found its end at ${offset + done}; was it changed meanwhile?`,
        );
      }
      done += bytesRead;
    }
  }

  return {
    name: path,
    size,
    async read(offset, length) {
      const bytes = allocate({ name: path, size }, offset, length);
      await fill(bytes, offset);
      return bytes;
    },
    async readInto(offset, target) {
      checkRange({ name: path, size }, offset, target.length);
      await fill(target, offset);
    },
    close: () => closed ??= file.close(),
  };
}

async function openRegularFile(path: string) {
  try {
    await checkRegularFile(path);
    const file = await open(path);
    return { file, size: (await file.stat()).size }; // of the open file: its path may lead to another one by now
  } catch (cause) {
    throw new WeightsError(`Cannot open ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** Checked before opening, which would block on a named pipe. */
async function checkRegularFile(path: string): Promise<void> {
  const found = await stat(path);
  if (!found.isFile()) throw new WeightsError("expected a file, found a folder or a device");
}

/**
 * Fills `target`, which may be shared memory, with the bytes of a source from `offset` on.
 *
 * @throws {WeightsError} as {@linkcode ByteSource.read} does
 */
export async function readInto(source: ByteSource, offset: number, target: Uint8Array): Promise<void> {
  if (source.readInto) await source.readInto(offset, target);
  else target.set(await source.read(offset, target.length));
}

/**
 * Allocates a buffer for part of a source.
 *
 * @throws {WeightsError} if the source does not have that part, or there is not enough memory
 */
export function allocate(source: SizedSource, offset: number, length: number): Uint8Array<ArrayBuffer> {
  checkRange(source, offset, length);
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new WeightsError(`Cannot read ${length} bytes of ${source.name}: not enough memory`, { cause });
  }
}

/** What messages say of a source. */
type SizedSource = Pick<ByteSource, "name" | "size">;

/** Refuses parts that a source does not have. */
function checkRange({ name, size }: SizedSource, offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
    throw new WeightsError(`Cannot read ${length} bytes at ${offset} of ${name}: expected whole numbers ≥ 0`);
  }
  if (offset + length > size) {
    throw new WeightsError(`Cannot read ${length} bytes at ${offset} of ${name}: it has only ${size} bytes`);
  }
}

/**
 * Reads and writes tar archives as streams.
 *
 * The writer is npm:modern-tar. The reader is ours: modern-tar's takes 41 s for a pax header of 200 kB whose lengths are
 * wrong, since its time grows with the square of that size, and tar-stream installs native code of another runtime.
 *
 * @module
 */

import { show, showText } from "../../hub/show.ts";
import { byteStream, unpackGzip } from "./byte_stream.ts";

/** A file in an archive that is being read. */
export interface TarEntry {
  /** Its path in the archive, as it is there: it may be absolute, or contain `..`. */
  readonly name: string;
  /** Its size in bytes, as the archive claims. */
  readonly size: number;
  /** Reads its content. May be called once, before the next entry is requested. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
}

/** A file to write to an archive. */
export interface TarFile {
  /** Its path in the archive. */
  readonly name: string;
  /** Its content. */
  readonly bytes: Uint8Array;
}

/** Options of {@linkcode readTar}. */
export interface ReadTarOptions {
  /**
   * Called if the archive ends after a file without the blocks that mark its end, so that it may be cut short. Like Python's
   * `tarfile`, the reader takes it as a whole archive otherwise.
   */
  onMissingEnd?: () => void;
}

const BLOCK = 512;
/** Largest file that is read into memory, in bytes. */
const MAX_FILE_BYTES = 2 ** 30;
/** Largest pax header or long name, in bytes. */
const MAX_EXTENSION_BYTES = 2 ** 20;
/** Most digits of the length of a pax record. */
const MAX_LENGTH_DIGITS = 7;

/** Where a header of a file with holes, and a block of further holes, say whether such a block follows. */
const MORE_HOLES = { header: 482, block: 504 } as const;
/** Where fields of a header are, in bytes. */
const FIELDS = { name: [0, 100], size: [124, 12], checksum: [148, 8], type: [156, 1], prefix: [345, 155] } as const;
const MAGIC = 257;
/** Kinds of entries, by the character in the header: files, those with holes, and those that have no content. */
const FILE_TYPES = ["0", "\0", "7"];
const SPARSE_TYPE = "S";
const EMPTY_TYPES = ["1", "2", "3", "4", "5", "6"];

/**
 * Reads the files of a tar archive (USTAR, GNU, pax, or older), also a gzipped one, in their order. Folders, links and devices
 * are skipped; `bytes()` of files that are stored with holes (`tar --sparse`) throws. Memory is allocated for bytes that have arrived, not for sizes that a header claims.
 *
 * @param name the name of the archive, for messages
 * @throws {TypeError} if it is damaged, or no tar archive
 * @throws {RangeError} if a file of more than 1 GiB is read
 */
export async function* readTar(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  { onMissingEnd }: ReadTarOptions = {},
): AsyncGenerator<TarEntry> {
  const task = `Cannot read ${showText(name)}`;
  const stream = byteStream(unpackGzip(chunks, task));
  const fail = (problem: string) => new TypeError(`${task}: ${problem}; fetch it again`);
  try {
    for (let extended: Extended = {};;) {
      const header = await stream.read(BLOCK);
      if (header.length === 0 && stream.offset > 0) return onMissingEnd?.();
      if (header.length === BLOCK && isZero(header)) return;
      const { path, size: ownSize, type } = parseHeader(header, stream.offset - header.length, fail);
      if (type === "x" || type === "L") {
        checkSize(ownSize, path, MAX_EXTENSION_BYTES);
        const content = await readContent(ownSize, path);
        extended = { ...extended, ...(type === "x" ? parsePax(content, fail) : { path: utf8(untilZero(content)) }) };
        await skip(paddingOf(ownSize), path);
        continue;
      }
      if (type === SPARSE_TYPE) await skipHoles(header[MORE_HOLES.header]);
      const { size: claimed = ownSize } = extended;
      const entryName = extended.sparseName ?? extended.path ?? path;
      const isSparse = type === SPARSE_TYPE || extended.isSparse;
      if (type !== "g") extended = {}; // a header for all following entries; its contents are comments
      const size = EMPTY_TYPES.includes(type) || entryName.endsWith("/") ? 0 : claimed;

      let left = size;
      if ((FILE_TYPES.includes(type) || isSparse) && !entryName.endsWith("/")) {
        yield {
          name: entryName,
          size,
          async bytes() {
            if (left !== size) throw new TypeError(`${task}: ${show(entryName)} was read already`);
            if (isSparse) {
              throw new TypeError(`${task}: ${show(entryName)} is stored with holes; pack it without --sparse`);
            }
            checkSize(size, entryName, MAX_FILE_BYTES);
            left = 0;
            return await readContent(size, entryName);
          },
        };
      }
      await skip(left + paddingOf(size), entryName);
    }
  } finally {
    await stream.close();
  }

  function checkSize(size: number, entry: string, limit: number): void {
    if (size > limit) {
      throw new RangeError(`${task}: ${show(entry)} has ${size} bytes, expected at most ${limit}`);
    }
  }

  async function readContent(size: number, entry: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await stream.read(size);
    if (bytes.length < size) throw cutShort(entry, size, bytes.length);
    return bytes;
  }

  /** Skips the blocks that say where a file has further holes. */
  async function skipHoles(more: number): Promise<void> {
    while (more > 0) more = (await stream.read(BLOCK))[MORE_HOLES.block];
  }

  async function skip(length: number, entry: string): Promise<void> {
    const skipped = await stream.skip(length);
    if (skipped < length) throw cutShort(entry, length, skipped);
  }

  function cutShort(entry: string, expected: number, found: number): TypeError {
    return fail(`expected ${expected} more bytes of ${show(entry)}, found ${found}: it is cut short`);
  }
}

/** What a pax header, or GNU's long name, says about the next entry. */
interface Extended {
  readonly path?: string;
  /** Whether the file is stored with holes; `path` may be another name for what is stored. */
  readonly isSparse?: boolean;
  readonly sparseName?: string;
  readonly size?: number;
}

type Fail = (problem: string) => TypeError;

function parseHeader(header: Uint8Array, offset: number, fail: Fail): { path: string; size: number; type: string } {
  const field = (name: keyof typeof FIELDS) => header.subarray(FIELDS[name][0], FIELDS[name][0] + FIELDS[name][1]);
  const place = `the header at byte ${offset}`;
  if (header.length < BLOCK) {
    throw fail(`expected a header of ${BLOCK} bytes at byte ${offset}, found ${header.length}`);
  }
  const [begin, length] = FIELDS.checksum; // counts as blanks
  const sum = header.reduce((total, byte, at) => total + (at >= begin && at < begin + length ? 0x20 : byte), 0);
  if (parseNumber(field("checksum")) !== sum) {
    const found = show(latin1(field("checksum")));
    throw fail(`expected a tar archive with the checksum ${sum.toString(8)} in ${place}, found ${found}`);
  }
  const size = parseNumber(field("size"));
  if (size === undefined) throw fail(`expected the size of a file in ${place}, found ${show(latin1(field("size")))}`);
  const isPosix = latin1(header.subarray(MAGIC, MAGIC + 6)) === "ustar\0";
  const prefix = isPosix ? utf8(untilZero(field("prefix"))) : "";
  const path = utf8(untilZero(field("name")));
  return { path: prefix ? `${prefix}/${path}` : path, size, type: latin1(field("type")) };
}

/** A number in octal digits, or binary if the first bit is set; `undefined` if it is neither, negative or beyond 2^53. */
function parseNumber(field: Uint8Array): number | undefined {
  if (field[0] & 0x80) {
    if (field[0] !== 0x80) return undefined;
    const value = field.subarray(1).reduce((total, byte) => total * 256 + byte, 0);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = latin1(field).replace(/^ +/, "").replace(/[ \0].*$/s, "");
  return /^[0-7]*$/.test(digits) ? parseInt(digits || "0", 8) : undefined;
}

/** Keys of files with holes in pax headers, and that of their path. */
const SPARSE = "GNU.sparse.", SPARSE_NAME = "GNU.sparse.name=";

/** Parses the records `LENGTH KEY=VALUE\n` of a pax header, each once. */
function parsePax(bytes: Uint8Array, fail: Fail): Extended {
  const records: { -readonly [K in keyof Extended]: Extended[K] } = {};
  for (let at = 0; at < bytes.length && bytes[at] !== 0;) {
    const digits = latin1(bytes.subarray(at, at + MAX_LENGTH_DIGITS + 1)).split(" ")[0];
    const [begin, end] = [at + digits.length + 1, at + Number(digits)];
    if (!/^\d+$/.test(digits) || end <= begin || end > bytes.length || bytes[end - 1] !== 0x0a) {
      throw fail(`expected a pax record "LENGTH KEY=VALUE", found ${show(latin1(bytes.subarray(at, at + 40)))}`);
    }
    const start = latin1(bytes.subarray(begin, Math.min(begin + SPARSE_NAME.length, end)));
    const valueOf = (key: string) => start.startsWith(key) ? bytes.subarray(begin + key.length, end - 1) : undefined;
    const [path, sparseName, size] = ["path=", SPARSE_NAME, "size="].map(valueOf);
    if (path) records.path = utf8(path);
    if (sparseName) records.sparseName = utf8(sparseName);
    if (start.startsWith(SPARSE)) records.isSparse = true;
    if (size) {
      records.size = /^\d{1,16}$/.test(latin1(size.subarray(0, 20))) ? Number(latin1(size)) : NaN;
      if (!Number.isSafeInteger(records.size)) throw fail(`expected a size in a pax header, found ${show(utf8(size))}`);
    }
    at = end;
  }
  return records;
}

/**
 * Writes a tar archive: USTAR, with pax headers where names are long. The same files give the same bytes: every time is
 * 1970-01-01, and there are no owners.
 *
 * @throws {RangeError} for an empty name, or one with a zero byte
 */
export async function* encodeTar(files: AsyncIterable<TarFile>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { createTarPacker } = await import("modern-tar");
  const { readable, controller } = createTarPacker();
  pack().catch((error) => controller.error(error));
  yield* readable;

  async function pack(): Promise<void> {
    for await (const { name, bytes } of files) {
      if (name === "" || name.includes("\0")) {
        throw new RangeError(`Cannot write a tar archive: expected a name without zero bytes, found ${show(name)}`);
      }
      const entry = controller.add({ name, size: bytes.length, mtime: new Date(0) }).getWriter();
      if (bytes.length > 0) await entry.write(bytes);
      await entry.close();
    }
    controller.finalize();
  }
}

function paddingOf(size: number): number {
  return (BLOCK - size % BLOCK) % BLOCK;
}

function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

function untilZero(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function utf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

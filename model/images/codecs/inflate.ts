/**
 * Inflates zlib streams piece by piece, so that a small file cannot expand to any amount of memory.
 *
 * Uses pako, which refuses the same streams as zlib.
 *
 * @module
 */

import { Z_BUF_ERROR, Z_STREAM_END, Z_SYNC_FLUSH, zlibInflate, zlibInflateInit, ZStream } from "pako";

/** Inflates a zlib stream that is split into several parts. */
export class Inflater {
  readonly #stream = new ZStream();
  readonly #parts: Iterator<Uint8Array<ArrayBuffer>>;

  constructor(parts: Iterable<Uint8Array<ArrayBuffer>>) {
    zlibInflateInit(this.#stream);
    this.#parts = parts[Symbol.iterator]();
  }

  /**
   * Writes the next bytes to `out` and returns their number, which is smaller than `out.length` only at the end of the
   * stream. Bytes after that are not checked, except for a checksum that follows immediately.
   *
   * @throws {RangeError} if the stream is damaged
   */
  fill(out: Uint8Array<ArrayBuffer>): number {
    const stream = this.#stream;
    stream.output = out;
    stream.next_out = 0;
    stream.avail_out = out.length;
    let status: number;
    do { // also without new input: part of a match may still be unwritten
      status = zlibInflate(stream, Z_SYNC_FLUSH);
      if (status < 0 && status !== Z_BUF_ERROR) throw new RangeError("the deflated bytes are damaged");
    } while (status !== Z_STREAM_END && stream.avail_in === 0 && this.#takePart());
    return stream.next_out;
  }

  /** Moves on to the next part, if there is one. */
  #takePart(): boolean {
    const { value, done } = this.#parts.next();
    if (done) return false;
    this.#stream.input = value;
    this.#stream.next_in = 0;
    this.#stream.avail_in = value.length;
    return true;
  }
}

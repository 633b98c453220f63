/**
 * Inflating what zlib deflated, piece by piece: a small file must not ask for any memory.
 *
 * It is pako's, which refuses what zlib refuses.
 *
 * @module
 */

import { Z_BUF_ERROR, Z_STREAM_END, Z_SYNC_FLUSH, zlibInflate, zlibInflateInit, ZStream } from "pako";

/** Inflates a stream that lies in several parts. */
export class Inflater {
  readonly #stream = new ZStream();
  readonly #parts: Iterator<Uint8Array<ArrayBuffer>>;

  constructor(parts: Iterable<Uint8Array<ArrayBuffer>>) {
    zlibInflateInit(this.#stream);
    this.#parts = parts[Symbol.iterator]();
  }

  /**
   * Writes the bytes that come next to `out`, fewer if there are fewer, and returns how many. What follows does not count,
   * unless the stream ends there and its checksum is wrong.
   *
   * @throws {RangeError} if they are damaged
   */
  fill(out: Uint8Array<ArrayBuffer>): number {
    const stream = this.#stream;
    stream.output = out;
    stream.next_out = 0;
    stream.avail_out = out.length;
    let status: number;
    do { // also without further input: there may be a string half written
      status = zlibInflate(stream, Z_SYNC_FLUSH);
      if (status < 0 && status !== Z_BUF_ERROR) throw new RangeError("the deflated bytes are damaged");
    } while (status !== Z_STREAM_END && stream.avail_in === 0 && this.#takePart());
    return stream.next_out;
  }

  /** Whether there was a further part. */
  #takePart(): boolean {
    const { value, done } = this.#parts.next();
    if (done) return false;
    this.#stream.input = value;
    this.#stream.next_in = 0;
    this.#stream.avail_in = value.length;
    return true;
  }
}

/**
 * Inflating what zlib deflated, up to a size: a small file must not ask for any memory.
 *
 * It is pako's, which refuses what zlib refuses.
 *
 * @module
 */

import { Z_BUF_ERROR, Z_SYNC_FLUSH, zlibInflate, zlibInflateInit, ZStream } from "pako";

/**
 * Inflates up to `size` bytes, fewer if there are fewer. What follows does not count, unless the stream ends there and its
 * checksum is wrong.
 */
export function inflate(
  deflated: Uint8Array<ArrayBuffer>,
  size: number,
): { inflated: Uint8Array<ArrayBuffer>; isDamaged: boolean } {
  const stream = new ZStream();
  zlibInflateInit(stream);
  stream.input = deflated;
  stream.avail_in = deflated.length;
  stream.output = new Uint8Array(size);
  stream.avail_out = size;
  const status = zlibInflate(stream, Z_SYNC_FLUSH);
  return { inflated: stream.output.subarray(0, stream.next_out), isDamaged: status < 0 && status !== Z_BUF_ERROR };
}

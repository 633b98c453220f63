/**
 * Decompresses the blocks of a TIFF, as strictly as libtiff: a block must hold all bytes of its size; bytes after those
 * are ignored.
 *
 * @module
 */

import { Z_FINISH, Z_STREAM_END, zlibInflate, zlibInflateInit, zlibInflateReset, ZStream } from "pako";
import { cannotDecode } from "../errors.ts";
import { DEFLATE, LZW, OLD_DEFLATE, PACK_BITS } from "./directory.ts";

/** Decompresses at least `needed` bytes of a block into `room`, which has the size of a whole block. */
export type Expand = (block: Uint8Array, room: Uint8Array, needed: number) => void;

const CLEAR = 256, END = 257;
const MIN_BITS = 9, MAX_BITS = 12;
/** Size of libtiff's dictionary, which is larger than the number of codes. */
const MAX_STRINGS = 4095 + 1024;

/** The function that decompresses the blocks of one picture. */
export function expanderOf(compression: number): Expand {
  if (compression === LZW) return lzwExpander();
  if (compression === PACK_BITS) return unpackBits;
  if (compression === DEFLATE || compression === OLD_DEFLATE) return inflater();
  return (block, room) => room.set(block);
}

function unpackBits(block: Uint8Array, room: Uint8Array, needed: number): void {
  const out = room.subarray(0, needed);
  for (let at = 0, filled = 0; filled < out.length;) {
    if (at >= block.length) throw tooShort();
    const control = block[at++] << 24 >> 24;
    if (control === -128) continue;
    const count = Math.min(Math.abs(control) + 1, out.length - filled);
    if (at + (control < 0 ? 1 : count) > block.length) throw tooShort();
    if (control < 0) out.fill(block[at++], filled, filled + count);
    else {
      out.set(block.subarray(at, at + count), filled);
      at += count;
    }
    filled += count;
  }
}

/**
 * Inflates to the end of the stream, where the checksum is; some writers pad the last strip to its full height.
 * Reuses the stream for all blocks, because creating one takes longer than inflating a short block.
 */
function inflater(): Expand {
  const stream = new ZStream();
  zlibInflateInit(stream);
  return (block, room, needed) => {
    zlibInflateReset(stream);
    stream.input = block;
    stream.next_in = 0;
    stream.avail_in = block.length;
    stream.output = room as Uint8Array<ArrayBuffer>;
    stream.next_out = 0;
    stream.avail_out = room.length;
    if (zlibInflate(stream, Z_FINISH) !== Z_STREAM_END) throw damaged();
    if (stream.next_out < needed) throw tooShort();
  };
}

/** TIFF's LZW: codes start at the highest bit, and grow one code earlier than necessary. */
function lzwExpander(): Expand {
  // The string of a code is the string of its `prefix`, if any, followed by `last`.
  const prefix = new Uint16Array(MAX_STRINGS);
  const last = Uint8Array.from({ length: MAX_STRINGS }, (_, code) => code);
  const first = last.slice();
  const lengths = new Uint16Array(MAX_STRINGS).fill(1);
  return (block, room, needed) => {
    const out = room.subarray(0, needed);
    if (block[0] === 0 && block[1] & 1) {
      throw cannotDecode("this TIFF has old-style LZW codes, from before 1988; save it again");
    }
    let next = 0, codeBits = MIN_BITS, previous = -1;
    let held = 0, bits = 0;
    for (let filled = 0, at = 0; filled < out.length;) {
      for (; bits < codeBits; bits += 8) {
        if (at >= block.length) throw tooShort();
        held = (held << 8 | block[at++]) & 0xffffff;
      }
      bits -= codeBits;
      const code = held >> bits & ((1 << codeBits) - 1);

      if (code === END) throw tooShort();
      if (code === CLEAR) {
        next = END + 1;
        codeBits = MIN_BITS;
        previous = -1;
        continue;
      }
      if (next >= MAX_STRINGS || code > (previous < 0 ? CLEAR : next) || next === 0) throw damaged();
      if (previous >= 0) {
        prefix[next] = previous;
        first[next] = first[previous];
        last[next] = first[code === next ? previous : code];
        lengths[next] = lengths[previous] + 1;
        next++;
        if (next === (1 << codeBits) - 1 && codeBits < MAX_BITS) codeBits++;
      }
      previous = code;
      for (let to = filled + lengths[code] - 1, part = code; to >= filled; to--, part = prefix[part]) {
        out[to] = last[part]; // writes past the end are ignored
      }
      filled += lengths[code];
    }
  };
}

function tooShort(): TypeError {
  return cannotDecode("the compressed pixels of this TIFF end before its last one");
}

function damaged(): TypeError {
  return cannotDecode("the compressed pixels of this TIFF are damaged");
}

/**
 * The compressions of TIFF's blocks, each as strict as libtiff: a block must hold as many bytes as its size asks for,
 * what follows is not looked at.
 *
 * @module
 */

import { Z_FINISH, Z_STREAM_END, zlibInflate, zlibInflateInit, zlibInflateReset, ZStream } from "pako";
import { cannotDecode } from "../errors.ts";
import { DEFLATE, LZW, OLD_DEFLATE, PACK_BITS } from "./directory.ts";

/** Expands a block to at least so many bytes as are needed. There is room for a whole block. */
export type Expand = (block: Uint8Array, room: Uint8Array, needed: number) => void;

const CLEAR = 256, END = 257;
const MIN_BITS = 9, MAX_BITS = 12;
/** How many strings libtiff's dictionary holds: more than codes can name. */
const MAX_STRINGS = 4095 + 1024;

/** What expands blocks of a compression. Good for one picture. */
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
 * Inflates to the end, for the checksum is there: some writers fill up the last strip to its full height.
 * The stream is used again for each block, since making one takes longer than inflating a short block.
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

/** TIFF's LZW: codes from the highest bit on, widened one code earlier than there is need. */
function lzwExpander(): Expand {
  // A code stands for the string of `prefix`, if any, followed by `last`.
  const prefix = new Uint16Array(MAX_STRINGS);
  const last = Uint8Array.from({ length: MAX_STRINGS }, (_, code) => code);
  const first = last.slice();
  const lengths = new Uint16Array(MAX_STRINGS).fill(1);
  return (block, room, needed) => {
    const out = room.subarray(0, needed);
    if (block[0] === 0 && block[1] & 1) {
      throw cannotDecode("this TIFF has LZW codes of the time before 1988, save it anew");
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
        out[to] = last[part]; // beyond the last byte nothing is written
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

/**
 * Reads the first frame of GIF files, as PIL does.
 *
 * Own code, because of the 11 files in the tests omggif reads only 5 like PIL and gifuct-js only 6: they differ for
 * short or missing palettes, and around a frame that does not fill the picture.
 *
 * @module
 */

import type { Cost } from "./cost.ts";
import { blank, pixelsOf, type Raster } from "../raster/raster.ts";
import { cannotDecode } from "./errors.ts";
import { type Colours, coloursOf } from "./palette.ts";

interface Frame {
  /** Size of the whole picture. */
  readonly width: number;
  readonly height: number;
  /** Position of the frame in the picture. */
  readonly left: number;
  readonly top: number;
  readonly columns: number;
  readonly rows: number;
  readonly interlaced: boolean;
  readonly colours: Colours;
  /** The index of the pixels around the frame. */
  readonly surrounding: number;
  /** Bits per index in the compressed data, and the offset of that data. */
  readonly indexBits: number;
  readonly offset: number;
}

const SIGNATURES = ["GIF87a", "GIF89a"];
const EXTENSION = 0x21, IMAGE = 0x2c, TRAILER = 0x3b;
const GRAPHIC_CONTROL = 0xf9, COMMENT = 0xfe, APPLICATION = 0xff;
const HEADER_BYTES = 13, IMAGE_BYTES = 9;

/** Size of the LZW dictionary, and the longest code in bits. */
const MAX_CODES = 4096;
const MAX_CODE_BITS = 12;

/** First row and row step of each pass. */
const ONE_PASS = [[0, 1]];
const INTERLACED = [[0, 8], [4, 8], [2, 4], [1, 2]];

/** Size of the whole picture, and the cost of decoding it. */
export function gifSize(bytes: Uint8Array): { width: number; height: number; cost: Cost } {
  const { width, height, columns, rows } = readFrame(bytes);
  const pixels = width * height;
  return { width, height, cost: { memory: 4 * pixels + columns * rows, time: 30 * pixels } };
}

/** The first frame of a GIF. Around it and in transparent places is the colour of the transparent index, as in PIL. */
export function decodeGif(bytes: Uint8Array): Raster {
  const { width, height, left, top, columns, rows, interlaced, colours, surrounding, indexBits, offset } = readFrame(
    bytes,
  );
  const indices = new Uint8Array(columns * rows);
  expand(bytes, offset, indexBits, indices);

  const picture = blank(width, height, colours[surrounding]);
  const pixels = pixelsOf(picture);
  let from = 0;
  for (const [first, step] of interlaced ? INTERLACED : ONE_PASS) {
    for (let row = first; row < rows; row += step) {
      const to = (top + row) * width + left;
      for (let column = 0; column < columns; column++) pixels[to + column] = colours[indices[from++]];
    }
  }
  return picture;
}

/** Everything up to the compressed data of the first frame. */
function readFrame(bytes: Uint8Array): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES) throw cutShort(bytes);
  const signature = String.fromCharCode(...bytes.subarray(0, 6));
  if (!SIGNATURES.includes(signature)) throw cannotDecode(`a GIF must begin with ${SIGNATURES.join(" or ")}`);
  const globalPalette = paletteAt(bytes, HEADER_BYTES, bytes[10]);
  let offset = HEADER_BYTES + globalPalette.length;
  let transparent = 0;
  for (;;) {
    const kind = bytes[offset++];
    if (kind === undefined) throw cutShort(bytes);
    if (kind === TRAILER) throw cannotDecode("this GIF has no frame");
    if (kind === EXTENSION) {
      const { end, transparentIndex } = readExtension(bytes, offset);
      transparent = transparentIndex ?? transparent;
      offset = end;
    }
    if (kind === IMAGE) break; // PIL skips other bytes too
  }
  if (offset + IMAGE_BYTES >= bytes.length) throw cutShort(bytes);

  const [left, top, columns, rows] = [0, 2, 4, 6].map((at) => view.getUint16(offset + at, true));
  if (columns === 0 || rows === 0) throw cannotDecode(`the first frame of this GIF has ${columns}×${rows} pixels`);
  const flags = bytes[offset + 8];
  const localPalette = paletteAt(bytes, offset + IMAGE_BYTES, flags);
  offset += IMAGE_BYTES + localPalette.length;
  if (offset >= bytes.length) throw cutShort(bytes);
  return {
    width: Math.max(view.getUint16(6, true), left + columns),
    height: Math.max(view.getUint16(8, true), top + rows),
    left,
    top,
    columns,
    rows,
    interlaced: (flags & 0x40) !== 0,
    // PIL ignores a local palette whose entries are the grays of their indices.
    colours: coloursOf(isRamp(localPalette) ? globalPalette : localPalette),
    surrounding: transparent,
    indexBits: bytes[offset],
    offset: offset + 1,
  };
}

/** The palette that `flags` announce, or an empty one. */
function paletteAt(bytes: Uint8Array, offset: number, flags: number): Uint8Array {
  return bytes.subarray(offset, offset + (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0));
}

/** Whether every entry is the gray of its index. */
function isRamp(palette: Uint8Array): boolean {
  return palette.every((value, i) => value === Math.floor(i / 3));
}

/** End of the extension whose label is at `offset`, and the transparent index that it sets, if any. */
function readExtension(bytes: Uint8Array, offset: number): { end: number; transparentIndex?: number } {
  const label = bytes[offset];
  const length = bytes[offset + 1];
  if (label === COMMENT) return { end: skipBlocks(bytes, offset + 1) };
  const block = bytes.subarray(offset + 2, offset + 2 + length);
  const end = skipBlocks(bytes, offset + 2 + length); // even after an empty first block, as in PIL
  if (label === APPLICATION && (length === 0 || isEmptyLoop(block, bytes[offset + 2 + length]))) {
    throw damagedExtension();
  }
  if (label !== GRAPHIC_CONTROL) return { end };
  const isTransparent = (block[0] & 1) !== 0;
  if (block.length < (isTransparent ? 4 : 3)) throw damagedExtension();
  return { end, transparentIndex: isTransparent ? block[3] : undefined };
}

/** Whether a NETSCAPE block is not followed by the number of repetitions. */
function isEmptyLoop(block: Uint8Array, nextLength: number): boolean {
  return nextLength === 0 && String.fromCharCode(...block.subarray(0, 11)) === "NETSCAPE2.0";
}

/** The offset after the blocks that begin at `offset`; an empty block ends them. */
function skipBlocks(bytes: Uint8Array, offset: number): number {
  while (bytes[offset] > 0) offset += 1 + bytes[offset];
  return offset + 1;
}

/** Decompresses GIF's LZW until `indices` is full. */
function expand(bytes: Uint8Array, offset: number, indexBits: number, indices: Uint8Array): void {
  if (indexBits > MAX_CODE_BITS) throw cannotDecode(`this GIF has indices of ${indexBits} bits, expected up to 12`);
  const clear = 1 << indexBits, end = clear + 1;
  // The string of a code is the string of its `prefix`, if any, followed by `last`.
  const prefix = new Uint16Array(MAX_CODES);
  const last = Uint8Array.from({ length: MAX_CODES }, (_, code) => code);
  const first = last.slice();
  const lengths = new Uint16Array(MAX_CODES).fill(1);
  let next = clear + 2, codeBits = indexBits + 1, previous = -1;
  let held = 0, bits = 0, blockEnd = offset;
  for (let filled = 0; filled < indices.length;) {
    while (bits < codeBits) {
      if (offset === blockEnd) {
        blockEnd = offset + 1 + bytes[offset];
        if (!(blockEnd <= bytes.length)) throw cutShort(bytes);
        offset++;
      } else {
        held |= bytes[offset++] << bits;
        bits += 8;
      }
    }
    const code = held & ((1 << codeBits) - 1);
    held >>= codeBits;
    bits -= codeBits;

    if (code === clear) {
      next = clear + 2;
      codeBits = indexBits + 1;
      previous = -1;
      continue;
    }
    if (code === end) throw cannotDecode("the data of this GIF end before its last pixel");
    if (code >= MAX_CODES || code > (previous < 0 ? clear : next)) {
      throw cannotDecode("the data of this GIF are damaged");
    }
    if (previous >= 0 && next < MAX_CODES) {
      prefix[next] = previous;
      first[next] = first[previous];
      last[next] = first[code === next ? previous : code];
      lengths[next] = lengths[previous] + 1;
      if (next === (1 << codeBits) - 1 && codeBits < MAX_CODE_BITS) codeBits++;
      next++;
    }
    previous = code;
    for (let to = filled + lengths[code] - 1, part = code; to >= filled; to--, part = prefix[part]) {
      indices[to] = last[part]; // writes past the end are ignored
    }
    filled += lengths[code];
  }
}

function cutShort(bytes: Uint8Array): TypeError {
  return cannotDecode(`this GIF is cut short after ${bytes.length} bytes`);
}

function damagedExtension(): TypeError {
  return cannotDecode("an extension of this GIF is damaged");
}

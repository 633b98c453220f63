/**
 * Rewrites a JPEG so that the decoder returns its stored planes, for colour spaces and sampling that the decoder does
 * not support.
 *
 * The decoder does not convert three components with the ids R, G and B, and returns a single component at its own
 * size. So the file is rewritten with those ids and fewer components. Entropy-coded blocks of the kept components are
 * copied bit by bit, which is possible because their bits do not depend on other components.
 *
 * @module
 */

import { concat } from "../bytes.ts";
import { cannotDecode } from "../errors.ts";
import {
  APP0,
  APP15,
  type Component,
  DHT,
  DRI,
  type JpegHeaders,
  largestFactors,
  type Segment,
  SOF0,
  SOF2,
  SOS,
} from "./headers.ts";

const RGB_IDS = [0x52, 0x47, 0x42];

/** A Huffman table, with its symbols in the order of their codes: shorter codes first. */
interface Huffman {
  readonly symbols: Uint8Array;
  /** By length: the first longer code, padded to 16 bits, and the difference between a symbol's index and its code. */
  readonly limits: readonly number[];
  readonly offsets: readonly number[];
}

const NO_TABLE: Huffman = { symbols: new Uint8Array(), limits: [], offsets: [] };

/** Reads the bits of entropy-coded data, and copies those read while `keep` is true. */
class Bits {
  keep = true;
  readonly #bytes: Uint8Array;
  #offset = 0;
  /** Bits that were read ahead, their number, and how many of them stand in for a marker. */
  #ahead = 0;
  #aheadCount = 0;
  #missing = 0;
  readonly #out: Uint8Array<ArrayBuffer>;
  #size = 0;
  #kept = 0;
  #keptCount = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#out = new Uint8Array(2 * bytes.length + 2); // if every byte is 0xff, each is followed by a zero
  }

  take(count: number): void {
    const bits = this.#peek(count);
    this.#aheadCount -= count;
    if (this.#aheadCount < this.#missing) throw damaged();
    if (!this.keep) return;
    this.#kept = this.#kept << count | bits;
    this.#keptCount += count;
    for (; this.#keptCount >= 8; this.#keptCount -= 8) this.#write(this.#kept >> (this.#keptCount - 8) & 0xff);
  }

  symbol({ symbols, limits, offsets }: Huffman): number {
    const ahead = this.#peek(16);
    let length = 1;
    while (length <= 16 && ahead >= limits[length]) length++;
    const symbol = symbols[offsets[length] + (ahead >> (16 - length))];
    if (symbol === undefined) throw damaged();
    this.take(length);
    return symbol;
  }

  /** Reads and writes a restart marker, at a byte boundary on both sides. */
  restart(): void {
    const marker = this.#bytes[this.#offset + 1];
    if (this.#aheadCount - this.#missing >= 8 || this.#bytes[this.#offset] !== 0xff) throw damaged();
    this.#aheadCount = this.#missing = 0;
    this.#offset += 2;
    this.#fillByte();
    this.#out[this.#size++] = 0xff;
    this.#out[this.#size++] = marker;
  }

  /** The copied bits, padded to whole bytes. */
  finish(): Uint8Array<ArrayBuffer> {
    this.#fillByte();
    return this.#out.subarray(0, this.#size);
  }

  /** The next bits, 16 at most; zeros after the last byte. */
  #peek(count: number): number {
    for (; this.#aheadCount < count; this.#aheadCount += 8) this.#ahead = (this.#ahead << 8 | this.#read()) & 0xffffff;
    return this.#ahead >> (this.#aheadCount - count) & ((1 << count) - 1);
  }

  #read(): number {
    if (this.#offset >= this.#bytes.length) return 0;
    const byte = this.#bytes[this.#offset];
    if (byte === 0xff && this.#bytes[this.#offset + 1] !== 0) {
      this.#missing += 8;
      return 0;
    }
    this.#offset += byte === 0xff ? 2 : 1;
    return byte;
  }

  #fillByte(): void {
    if (this.#keptCount > 0) this.#write((this.#kept + 1 << (8 - this.#keptCount)) - 1 & 0xff);
    this.#keptCount = 0;
  }

  #write(byte: number): void {
    this.#out[this.#size++] = byte;
    if (byte === 0xff) this.#out[this.#size++] = 0;
  }
}

/** The file reduced to three components, renamed to R, G and B, or to one, which is gray and has its own size. */
export function fileOf(bytes: Uint8Array, headers: JpegHeaders, kept: readonly Component[]): Uint8Array<ArrayBuffer> {
  const { segments } = headers;
  const size = kept.length === 1 ? sizeOf(kept[0], headers) : headers;
  const newIds = new Map(kept.map(({ id }, i) => [id, RGB_IDS[i]]));
  const tables: Record<number, Huffman> = {};
  const parts: Uint8Array[] = [Uint8Array.of(0xff, 0xd8)];
  let interval = 0;
  segments.forEach((segment, i) => {
    const { marker, start, data, end } = segment;
    if (marker === DHT) readTables(bytes.subarray(data, end), tables);
    if (marker === DRI) interval = bytes[data] << 8 | bytes[data + 1];
    if (marker === SOS) {
      parts.push(...scan(bytes, segment, segments[i + 1].start, { headers, newIds, tables, interval }));
    } else if (marker >= SOF0 && marker <= SOF2) parts.push(frame(bytes, segment, size, newIds));
    else if (marker < APP0 || marker > APP15) parts.push(bytes.subarray(start, end));
  });
  return concat(parts);
}

interface Context {
  readonly headers: JpegHeaders;
  readonly newIds: ReadonlyMap<number, number>;
  readonly tables: Record<number, Huffman>;
  readonly interval: number;
}

/** The frame header of the kept components, with new ids. */
function frame(
  bytes: Uint8Array,
  { marker, data, end }: Segment,
  { width, height }: { width: number; height: number },
  newIds: ReadonlyMap<number, number>,
): Uint8Array {
  const rows = [];
  for (let at = data + 6; at + 3 <= end; at += 3) {
    const newId = newIds.get(bytes[at]);
    if (newId !== undefined) rows.push(newId, bytes[at + 1], bytes[at + 2]);
  }
  const length = 8 + rows.length;
  const size = [height >> 8, height & 255, width >> 8, width & 255];
  return Uint8Array.of(0xff, marker, 0, length, 8, ...size, rows.length / 3, ...rows);
}

/** Header and data of a scan for the kept components; empty if it has none of them. */
function scan(bytes: Uint8Array, { data, end }: Segment, next: number, context: Context): Uint8Array[] {
  const { headers, newIds } = context;
  const count = bytes[data];
  const selectors = Array.from(
    { length: count },
    (_, i) => [bytes[data + 1 + 2 * i], bytes[data + 2 + 2 * i]] as const,
  );
  const rows = selectors.filter(([id]) => newIds.has(id)).flatMap(([id, tables]) => [newIds.get(id)!, tables]);
  if (rows.length === 0) return [];
  const spectral = bytes.subarray(data + 1 + 2 * count, end);
  if (spectral.length !== 3) throw damaged();
  const header = Uint8Array.of(0xff, SOS, 0, 6 + rows.length, rows.length / 2, ...rows, ...spectral);
  if (rows.length === 2 * count) return [header, bytes.subarray(end, next)];

  const blocks = selectors.map(([id, tables]) => {
    const component = headers.components.find((one) => one.id === id);
    if (!component) throw cannotDecode("a scan of this JPEG is damaged");
    const [dc = NO_TABLE, ac = NO_TABLE] = [tables >> 4, 16 | tables & 15].map((table) => context.tables[table]);
    return { component, keep: newIds.has(id), dc, ac };
  });
  if (rows.length === 2 && blocks.some(({ component: { h, v }, keep }) => keep && (h > 1 || v > 1))) {
    throw cannotDecode("the scans of this JPEG are laid out in an unsupported way; save it again");
  }
  const bits = new Bits(bytes.subarray(end, next));
  const refines = spectral[2] >> 4 > 0;
  const mcus = mcusOf(headers);
  for (let mcu = 0; mcu < mcus; mcu++) {
    if (context.interval > 0 && mcu > 0 && mcu % context.interval === 0) bits.restart();
    for (const { component: { h, v }, keep, dc, ac } of blocks) {
      bits.keep = keep;
      for (let block = 0; block < h * v; block++) {
        if (headers.progressive && refines) bits.take(1);
        else bits.take(bits.symbol(dc));
        if (!headers.progressive) takeCoefficients(bits, ac);
      }
    }
  }
  return [header, bits.finish()];
}

function takeCoefficients(bits: Bits, table: Huffman): void {
  for (let k = 1; k < 64; k++) {
    const symbol = bits.symbol(table);
    const size = symbol & 15;
    if (size === 0 && symbol !== 0xf0) return;
    k += symbol >> 4;
    bits.take(size);
  }
}

function mcusOf({ width, height, components }: JpegHeaders): number {
  const { h, v } = largestFactors(components);
  return Math.ceil(width / (8 * h)) * Math.ceil(height / (8 * v));
}

/** Width and height at which a component is stored. */
export function sizeOf({ h, v }: Component, { width, height, components }: JpegHeaders) {
  const largest = largestFactors(components);
  return { width: Math.ceil(width * h / largest.h), height: Math.ceil(height * v / largest.v) };
}

/** Adds the tables of a DHT segment; those for AC coefficients have indices from 16. */
function readTables(bytes: Uint8Array, tables: Record<number, Huffman>): void {
  for (let at = 0; at + 17 <= bytes.length;) {
    const limits = [0], offsets = [0];
    let code = 0, count = 0;
    for (let length = 1; length <= 16; length++, code <<= 1) {
      const ofLength = bytes[at + length];
      offsets.push(count - code);
      count += ofLength;
      code += ofLength;
      limits.push(code << (16 - length));
    }
    tables[bytes[at]] = { symbols: bytes.subarray(at + 17, at + 17 + count), limits, offsets };
    at += 17 + count;
  }
}

function damaged(): TypeError {
  return cannotDecode("the data of this JPEG is damaged");
}

/**
 * The planes of a JPEG as they are stored, before colours are converted: of pictures whose colours or sampling the decoder
 * does not know.
 *
 * The decoder takes three planes that call themselves R, G and B as they are, and one alone at its own size. So the file is
 * written anew with such names and fewer planes: the bits of the blocks that stay are copied, for nothing in them depends
 * on others.
 *
 * @module
 */

import { concat } from "./bytes.ts";
import { cannotDecode } from "./errors.ts";
import { type Component, DHT, DQT, DRI, EOI, type JpegHeaders, type Segment, SOF0, SOF2, SOS } from "./jpeg_headers.ts";

const NAMES = [0x52, 0x47, 0x42];

/** A Huffman table: by length and code, as `1 << length | code`, the symbol. */
type Huffman = Map<number, number>;

/** Reads bits of the entropy-coded data, and copies those that are wanted. */
class Bits {
  readonly out: number[] = [];
  #offset: number;
  #bits = 0;
  #count = 0;
  #kept = 0;
  #keptCount = 0;
  keep = true;

  constructor(readonly bytes: Uint8Array, start: number, readonly end: number) {
    this.#offset = start;
  }

  bit(): number {
    if (this.#count === 0) {
      this.#bits = this.#offset < this.end ? this.bytes[this.#offset++] : 0;
      if (this.#bits === 0xff && this.bytes[this.#offset++] !== 0) {
        throw cannotDecode("the data of this JPEG is damaged");
      }
      this.#count = 8;
    }
    const bit = this.#bits >> --this.#count & 1;
    if (this.keep) this.#push(bit);
    return bit;
  }

  skip(count: number): void {
    while (count-- > 0) this.bit();
  }

  symbol(table: Huffman | undefined): number {
    let code = 1;
    for (let length = 1; length <= 16; length++) {
      code = code << 1 | this.bit();
      const symbol = table?.get(code);
      if (symbol !== undefined) return symbol;
    }
    throw cannotDecode("the data of this JPEG is damaged");
  }

  /** Ends both sides at a whole byte, and copies a restart marker if one follows. */
  restart(): void {
    this.#count = 0;
    this.finish();
    if (this.bytes[this.#offset] !== 0xff) throw cannotDecode("the data of this JPEG is damaged");
    this.out.push(0xff, this.bytes[this.#offset + 1]);
    this.#offset += 2;
  }

  finish(): void {
    while (this.#keptCount > 0) this.#push(1);
  }

  #push(bit: number): void {
    this.#kept = this.#kept << 1 | bit;
    if (++this.#keptCount < 8) return;
    this.out.push(this.#kept);
    if (this.#kept === 0xff) this.out.push(0);
    this.#kept = this.#keptCount = 0;
  }
}

/** The file of three components, named R, G and B, or of one alone at its own size, which is gray. */
export function fileOf(bytes: Uint8Array, headers: JpegHeaders, kept: readonly Component[]): Uint8Array<ArrayBuffer> {
  const { segments } = headers;
  const size = kept.length === 1 ? sizeOf(kept[0], headers) : headers;
  const names = new Map(kept.map(({ id }, i) => [id, NAMES[i]]));
  const tables: Record<number, Huffman> = {};
  const parts: Uint8Array[] = [Uint8Array.of(0xff, 0xd8)];
  let interval = 0;
  segments.forEach((segment, i) => {
    const { marker, start, data, end } = segment;
    if (marker === DHT) readTables(bytes.subarray(data, end), tables);
    if (marker === DRI) interval = bytes[data] << 8 | bytes[data + 1];
    if (marker === SOS) {
      parts.push(...scan(bytes, segment, segments[i + 1].start, { headers, names, tables, interval }));
    } else if (marker >= SOF0 && marker <= SOF2) parts.push(frame(bytes, segment, size, names));
    else if (marker === DHT || marker === DQT || marker === DRI) parts.push(bytes.subarray(start, end));
  });
  parts.push(Uint8Array.of(0xff, EOI));
  return concat(parts);
}

interface Context {
  readonly headers: JpegHeaders;
  readonly names: ReadonlyMap<number, number>;
  readonly tables: Record<number, Huffman>;
  readonly interval: number;
}

/** A frame header with other names. */
function frame(
  bytes: Uint8Array,
  { marker, data, end }: Segment,
  { width, height }: { width: number; height: number },
  names: ReadonlyMap<number, number>,
): Uint8Array {
  const rows = [];
  for (let at = data + 6; at + 3 <= end; at += 3) {
    const name = names.get(bytes[at]);
    if (name !== undefined) rows.push(name, bytes[at + 1], bytes[at + 2]);
  }
  const length = 8 + rows.length;
  const size = [height >> 8, height & 255, width >> 8, width & 255];
  return Uint8Array.of(0xff, marker, 0, length, 8, ...size, rows.length / 3, ...rows);
}

/** A scan's header and data, less what belongs to components that go; nothing if none stays. */
function scan(bytes: Uint8Array, { data, end }: Segment, next: number, context: Context): Uint8Array[] {
  const { headers, names } = context;
  const count = bytes[data];
  const selectors = Array.from(
    { length: count },
    (_, i) => [bytes[data + 1 + 2 * i], bytes[data + 2 + 2 * i]] as const,
  );
  const rows = selectors.filter(([id]) => names.has(id)).flatMap(([id, tables]) => [names.get(id)!, tables]);
  if (rows.length === 0) return [];
  const spectral = bytes.subarray(data + 1 + 2 * count, end);
  const header = Uint8Array.of(0xff, SOS, 0, 6 + rows.length, rows.length / 2, ...rows, ...spectral);
  if (rows.length === 2 * count) return [header, bytes.subarray(end, next)];

  const blocks = selectors.map(([id, tables]) => {
    const component = headers.components.find((one) => one.id === id);
    if (!component) throw cannotDecode("a scan of this JPEG is damaged");
    return { component, keep: names.has(id), dc: context.tables[tables >> 4], ac: context.tables[16 | tables & 15] };
  });
  if (rows.length === 2 && blocks.some(({ component: { h, v }, keep }) => keep && (h > 1 || v > 1))) {
    throw cannotDecode("the scans of this JPEG are laid out in a way that is not read, save it anew");
  }
  const bits = new Bits(bytes, end, next);
  const refines = spectral[2] >> 4 > 0;
  const mcus = mcusOf(headers);
  for (let mcu = 0; mcu < mcus; mcu++) {
    if (context.interval > 0 && mcu > 0 && mcu % context.interval === 0) bits.restart();
    for (const { component: { h, v }, keep, dc, ac } of blocks) {
      bits.keep = keep;
      for (let block = 0; block < h * v; block++) {
        if (headers.progressive && refines) bits.bit();
        else bits.skip(bits.symbol(dc));
        if (!headers.progressive) skipCoefficients(bits, ac);
      }
    }
  }
  bits.finish();
  return [header, Uint8Array.from(bits.out)];
}

function skipCoefficients(bits: Bits, table: Huffman | undefined): void {
  for (let k = 1; k < 64; k++) {
    const symbol = bits.symbol(table);
    const size = symbol & 15;
    if (size === 0 && symbol !== 0xf0) return;
    k += symbol >> 4;
    bits.skip(size);
  }
}

function mcusOf({ width, height, components }: JpegHeaders): number {
  const { h, v } = largestFactors(components);
  return Math.ceil(width / (8 * h)) * Math.ceil(height / (8 * v));
}

/** Width and height of a component as it is stored. */
export function sizeOf({ h, v }: Component, { width, height, components }: JpegHeaders) {
  const largest = largestFactors(components);
  return { width: Math.ceil(width * h / largest.h), height: Math.ceil(height * v / largest.v) };
}

/** The largest sampling factors, which the others are relative to. */
export function largestFactors(components: readonly Component[]): { h: number; v: number } {
  return { h: Math.max(...components.map(({ h }) => h)), v: Math.max(...components.map(({ v }) => v)) };
}

/** Adds the tables of a DHT segment, those for AC coefficients from 16 on. */
function readTables(bytes: Uint8Array, tables: Record<number, Huffman>): void {
  for (let at = 0; at + 17 <= bytes.length;) {
    const table: Huffman = new Map();
    let symbol = at + 17;
    let code = 0;
    for (let length = 1; length <= 16; length++, code <<= 1) {
      for (let i = bytes[at + length]; i > 0; i--) table.set(1 << length | code++, bytes[symbol++]);
    }
    tables[bytes[at]] = table;
    at = symbol;
  }
}

/**
 * Reads and checks the first directory of a TIFF.
 *
 * @module
 */

import type { Cost } from "../cost.ts";
import { cannotDecode } from "../errors.ts";

/** Layout of the picture in the file. */
export interface TiffLayout {
  readonly width: number;
  readonly height: number;
  /** EXIF orientation. Applied once, as in PIL from version 10 on. */
  readonly orientation: number;
  readonly cost: Cost;
  readonly photometric: Photometric;
  /** Bits per sample: 1, 2, 4 or 8. */
  readonly bits: number;
  /** Samples per pixel. */
  readonly channels: number;
  /** Whether the other samples are multiplied by the fourth, an alpha. */
  readonly premultiplied: boolean;
  /** Whether each block holds a single channel; then all blocks of a channel precede those of the next. */
  readonly planar: boolean;
  /** Whether the bits of a byte start at the lowest. */
  readonly reversed: boolean;
  /** Whether samples are differences from the pixel to the left. */
  readonly predicted: boolean;
  readonly compression: number;
  /** Red, green and blue of each palette index; empty without a palette. */
  readonly palette: Uint8Array;
  /** Whether blocks are tiles, which are padded to their full size, rather than strips of rows. */
  readonly tiled: boolean;
  readonly blockWidth: number;
  readonly blockHeight: number;
  /** Bytes per row of a block. */
  readonly rowBytes: number;
  /** Positions of the blocks in the file, from left to right and top to bottom. */
  readonly blocks: readonly { readonly offset: number; readonly length: number }[];
}

/** Meaning of the samples. */
export enum Photometric {
  MinIsWhite = 0,
  MinIsBlack = 1,
  Rgb = 2,
  Palette = 3,
  Cmyk = 5,
}

/** Supported compressions. */
export const NONE = 1, LZW = 5, DEFLATE = 8, PACK_BITS = 32773, OLD_DEFLATE = 32946;

/** Names of unsupported compressions and colours. */
const OTHER_COMPRESSIONS: Record<number, string> = {
  2: "CCITT",
  3: "CCITT fax",
  4: "CCITT fax",
  6: "JPEG",
  7: "JPEG",
  34925: "LZMA",
  50000: "Zstandard",
  50001: "WebP",
};
const OTHER_PHOTOMETRICS: Record<number, string> = { 4: "masks", 6: "YCbCr", 8: "CIE L*a*b*" };

const WIDTH = 256, HEIGHT = 257, BITS_PER_SAMPLE = 258, COMPRESSION = 259, PHOTOMETRIC = 262, FILL_ORDER = 266;
const STRIP_OFFSETS = 273, ORIENTATION = 274, SAMPLES_PER_PIXEL = 277, ROWS_PER_STRIP = 278, STRIP_LENGTHS = 279;
const PLANAR_CONFIGURATION = 284, PREDICTOR = 317, COLOR_MAP = 320;
const TILE_WIDTH = 322,
  TILE_HEIGHT = 323,
  TILE_OFFSETS = 324,
  TILE_LENGTHS = 325,
  EXTRA_SAMPLES = 338,
  SAMPLE_FORMAT = 339;
const NEEDED = new Set([
  ...[WIDTH, HEIGHT, BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC, FILL_ORDER, STRIP_OFFSETS, ORIENTATION],
  ...[SAMPLES_PER_PIXEL, ROWS_PER_STRIP, STRIP_LENGTHS, PLANAR_CONFIGURATION, PREDICTOR, COLOR_MAP],
  ...[TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_LENGTHS, EXTRA_SAMPLES, SAMPLE_FORMAT],
]);

/** Blocks may share bytes, as blank tiles do, up to this factor: more would let a small file take hours. */
const MAX_OVERLAP = 16;

/** Unsigned integer types, and the bytes of their values. */
const SHORT = 3, LONG = 4, LONG8 = 16;
const VALUE_BYTES: Record<number, number> = { [SHORT]: 2, [LONG]: 4, [LONG8]: 8 };

/** The needed tags. Their values are read on demand. */
type Tags = ReadonlyMap<number, { readonly count: number; at(index: number): number }>;

type SampleLayout = Pick<TiffLayout, "photometric" | "bits" | "channels" | "premultiplied">;

/** Reads the layout from the first directory. */
export function readLayout(bytes: Uint8Array): TiffLayout {
  const tags = readDirectory(bytes);
  const [width, height] = [valueOf(tags, WIDTH, 0), valueOf(tags, HEIGHT, 0)];
  if (width === 0 || height === 0) throw cannotDecode(`this TIFF states a size of ${width}×${height} pixels`);
  const compression = valueOf(tags, COMPRESSION, NONE);
  if (![NONE, LZW, DEFLATE, PACK_BITS, OLD_DEFLATE].includes(compression)) {
    const name = OTHER_COMPRESSIONS[compression] ?? `compression ${compression}`;
    throw cannotDecode(`this TIFF is compressed with ${name}; save it with LZW, deflate, PackBits or none`);
  }
  const predictor = compression === NONE || compression === PACK_BITS ? 1 : valueOf(tags, PREDICTOR, 1);
  const planar = valueOf(tags, PLANAR_CONFIGURATION, 1);
  const fillOrder = valueOf(tags, FILL_ORDER, 1);
  const samples = readSampleLayout(tags, planar === 2 && compression !== NONE);
  const { photometric, bits, channels } = samples;
  if (![1, 2].includes(planar) || ![1, 2].includes(fillOrder) || predictor !== 1 && (predictor !== 2 || bits !== 8)) {
    throw cannotDecode(
      `this TIFF has planar configuration ${planar}, fill order ${fillOrder} and predictor ${predictor}, expected 1 or 2 ` +
        "each, and a predictor with 8 bits a sample only",
    );
  }
  // PIL copies uncompressed planes: it reverses neither bits nor values, and does not unpack smaller samples.
  const isCopied = compression === NONE && planar === 2;
  const isRead = isCopied ? bits === 8 || bits === 1 && photometric !== Photometric.Palette : channels <= 4;
  if (planar === 2 && !isRead) {
    throw cannotDecode(`this TIFF has ${channels} planes of ${bits} bits a sample, expected up to 4 of 8 bits`);
  }
  const isPlanar = planar === 2 && channels > 1;
  const blocks = readBlocks(bytes, tags, width, height, planar === 2 ? channels : 1, compression);
  const rowBytes = Math.ceil(blocks.blockWidth * (isPlanar ? 1 : channels) * bits / 8);
  return {
    width,
    height,
    orientation: valueOf(tags, ORIENTATION, 1),
    cost: costOf(width * height, channels, rowBytes * blocks.blockHeight, blocks.blocks),
    ...samples,
    photometric: isCopied && photometric === Photometric.MinIsWhite ? Photometric.MinIsBlack : photometric,
    planar: isPlanar,
    reversed: fillOrder === 2 && !isCopied,
    predicted: predictor === 2,
    compression,
    palette: photometric === Photometric.Palette ? readPalette(tags) : new Uint8Array(),
    ...blocks,
    rowBytes,
  };
}

/** Cost of the pixels, of a buffer for one block, and of each block. */
function costOf(pixels: number, channels: number, room: number, blocks: TiffLayout["blocks"]): Cost {
  const bytes = blocks.reduce((sum, { length }) => sum + length, 0);
  return {
    memory: 4 * pixels + room + 100 * blocks.length,
    time: 15 * (1 + channels) * pixels + 10_000 * blocks.length + 100 * bytes,
  };
}

/**
 * The samples of a pixel, if PIL supports them.
 * libtiff treats a fourth channel of unstated meaning as premultiplied alpha if planes are compressed.
 */
function readSampleLayout(tags: Tags, isCompressedPlanes: boolean): SampleLayout {
  const formats = valuesOf(tags, SAMPLE_FORMAT) ?? [1];
  if (formats.some((format) => format !== 1)) {
    throw cannotDecode("this TIFF has signed or floating-point samples, save it with 8 bits a channel");
  }
  const channels = valueOf(tags, SAMPLES_PER_PIXEL, 1);
  const stated = valuesOf(tags, BITS_PER_SAMPLE) ?? [1];
  const bits = stated[0];
  const sameBits = stated.slice(0, channels).every((other) => other === bits);
  if (stated.length > 1 && stated.length < channels || !sameBits || ![1, 2, 4, 8].includes(bits)) {
    throw cannotDecode(`this TIFF has samples of ${stated.slice(0, 8)} bits, save it with 8 bits a channel`);
  }
  const photometric = valueOf(tags, PHOTOMETRIC, Photometric.MinIsWhite);
  const extra = (valuesOf(tags, EXTRA_SAMPLES) ?? []).join(",");
  const kind = `${channels} ${extra}`;
  const isRead = {
    [Photometric.MinIsWhite]: /^1 $/,
    [Photometric.MinIsBlack]: bits === 8 ? /^1 $|^2 2$/ : /^1 $/,
    [Photometric.Rgb]: /^3 $|^4 [012]?$|^4 999$|^5 [012],0$|^6 [012],0,0$/,
    [Photometric.Palette]: bits === 8 ? /^1 $|^2 2$/ : /^1 $/,
    [Photometric.Cmyk]: /^4 $|^5 0$|^6 0,0$/,
  }[photometric];
  if (!isRead) {
    throw cannotDecode(`this TIFF holds ${OTHER_PHOTOMETRICS[photometric] ?? "unknown colours"}, save it as RGB`);
  }
  if (!isRead.test(kind) || channels > 2 && bits !== 8) {
    throw cannotDecode(
      `this TIFF has ${channels} channels of ${bits} bits, extra ones of type [${extra}], save it as RGB`,
    );
  }
  const isPremultiplied = extra.startsWith("1") || kind === "4 " && isCompressedPlanes;
  return { photometric, bits, channels, premultiplied: photometric === Photometric.Rgb && isPremultiplied };
}

function readPalette(tags: Tags): Uint8Array {
  const values = valuesOf(tags, COLOR_MAP);
  const size = Math.floor((values?.length ?? 0) / 3);
  if (!values || size > 256) throw cannotDecode(`the palette of this TIFF has ${size} colours, expected up to 256`);
  return Uint8Array.from({ length: 3 * size }, (_, i) => values[(i % 3) * size + Math.floor(i / 3)] >> 8);
}

function readBlocks(
  bytes: Uint8Array,
  tags: Tags,
  width: number,
  height: number,
  planes: number,
  compression: number,
): Pick<TiffLayout, "tiled" | "blockWidth" | "blockHeight" | "blocks"> {
  const tiled = !tags.has(STRIP_OFFSETS);
  const blockWidth = tiled ? valueOf(tags, TILE_WIDTH, 0) : width;
  const blockHeight = tiled ? valueOf(tags, TILE_HEIGHT, 0) : Math.min(height, valueOf(tags, ROWS_PER_STRIP, height));
  if (blockWidth === 0 || blockHeight === 0) {
    throw cannotDecode(`this TIFF has ${tiled ? "tiles" : "strips"} of ${blockWidth}×${blockHeight} pixels`);
  }
  const perPlane = Math.ceil(width / blockWidth) * Math.ceil(height / blockHeight);
  if (perPlane * blockWidth * blockHeight > 4 * width * height + 2 ** 24) {
    throw cannotDecode(
      `this TIFF has tiles of ${blockWidth}×${blockHeight} pixels, far more than its ${width}×${height}`,
    );
  }
  const offsets = valuesOf(tags, tiled ? TILE_OFFSETS : STRIP_OFFSETS) ?? [];
  const lengths = valuesOf(tags, tiled ? TILE_LENGTHS : STRIP_LENGTHS);
  const count = perPlane * planes;
  if (offsets.length !== count || (lengths ? lengths.length < count : count > 1)) {
    throw cannotDecode(
      `this TIFF has ${offsets.length} offsets and ${lengths?.length ?? 0} lengths of blocks, expected ${count}`,
    );
  }
  const total = lengths?.reduce((sum, length) => sum + length, 0) ?? 0;
  if (compression !== NONE && total > MAX_OVERLAP * bytes.length) {
    throw cannotDecode(`the blocks of this TIFF have ${total} bytes together, the file has ${bytes.length}`);
  }
  const blocks = offsets.map((offset, i) => ({ offset, length: lengths?.[i] ?? Math.max(0, bytes.length - offset) }));
  return { tiled, blockWidth, blockHeight, blocks };
}

function valueOf(tags: Tags, tag: number, absent: number): number {
  const values = tags.get(tag);
  if (values && values.count !== 1) {
    throw cannotDecode(`tag ${tag} of this TIFF has ${values.count} values, expected one`);
  }
  return values?.at(0) ?? absent;
}

function valuesOf(tags: Tags, tag: number): number[] | undefined {
  const values = tags.get(tag);
  return values && Array.from({ length: values.count }, (_, i) => values.at(i));
}

/** Reads the needed tags of the first directory. */
function readDirectory(bytes: Uint8Array): Tags {
  const magic = String.fromCharCode(...bytes.subarray(0, 2));
  if (magic !== "II" && magic !== "MM") throw cannotDecode("a TIFF must begin with II or MM");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = magic === "II";
  const number = (offset: number, size: number): number => {
    if (offset + size > bytes.length) throw cutShort(bytes);
    if (size === 8) return Number(view.getBigUint64(offset, little));
    return size === 4 ? view.getUint32(offset, little) : view.getUint16(offset, little);
  };
  const version = number(2, 2);
  if (![42, 43, 42 << 8].includes(version)) throw cannotDecode(`this TIFF has version ${version}, expected 42 or 43`);
  const isBig = version === 43;
  const wordBytes = isBig ? 8 : 4;
  const start = number(isBig ? 8 : 4, wordBytes);
  const countBytes = isBig ? 8 : 2;
  const count = number(start, countBytes);

  const tags = new Map<number, { count: number; at(index: number): number }>();
  const entryBytes = 4 + 2 * wordBytes;
  for (let entry = start + countBytes; entry < start + countBytes + count * entryBytes; entry += entryBytes) {
    const tag = number(entry, 2), type = number(entry + 2, 2), values = number(entry + 4, wordBytes);
    if (!NEEDED.has(tag) || values === 0) continue;
    const size = VALUE_BYTES[type];
    if (!size || tags.has(tag)) throw cannotDecode(`tag ${tag} of this TIFF is there twice, or of type ${type}`);
    const inPlace = entry + 4 + wordBytes;
    const from = values * size > wordBytes ? number(inPlace, wordBytes) : inPlace;
    if (from + values * size > bytes.length) throw cutShort(bytes);
    tags.set(tag, { count: values, at: (i) => number(from + i * size, size) });
  }
  return tags;
}

/** The `TypeError` for a TIFF that ends too early. */
export function cutShort(bytes: Uint8Array): TypeError {
  return cannotDecode(`this TIFF is cut short after ${bytes.length} bytes`);
}

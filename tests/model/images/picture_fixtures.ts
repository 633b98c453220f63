/** Stored results of Diffusers' VaeImageProcessor, and PNG files made by hand. */
import { toFileUrl } from "@std/path";
import { deflateSync } from "node:zlib";
import { crc32 } from "imagescript/png/src/crc.mjs";
import { fixture } from "../../support/paths.ts";
import { readSafetensors } from "../../support/safetensors.ts";

/** One call of upstream's `preprocess`. */
export interface Scenario {
  key: string;
  image: string;
  height?: number;
  width?: number;
  vae_scale_factor?: number;
  do_normalize?: boolean;
  do_resize?: boolean;
  do_convert_grayscale?: boolean;
}

/** The tensors of all scenarios. */
export const stored = readSafetensors(fixture("golden/image-processor/io.safetensors"));
const scenarios: Scenario[] = JSON.parse(stored.metadata.scenarios);

/** The calls that have a picture. */
export const preprocessed: Scenario[] = scenarios.filter(({ image }) => image);

/** The calls of `postprocess`. */
export const postprocessed: Scenario[] = scenarios.filter(({ image }) => !image);

/** The URL of a scenario's picture. */
export function pictureUrl({ image }: Scenario): URL {
  return toFileUrl(fixture(`golden/image-processor/${image}`));
}

/** The parts of a PNG for {@linkcode makePng}. */
export interface PngParts {
  width: number;
  height: number;
  depth: number;
  colour: number;
  interlace?: number;
  /** Each row after its filter byte. */
  rows: number[];
  palette?: number[];
  /** Further chunks before and after the pixels, by type. */
  extra?: Record<string, Iterable<number>>;
  late?: Record<string, Iterable<number>>;
}

/** A PNG file with the pixels in two IDAT chunks. */
export function makePng(parts: PngParts): Uint8Array<ArrayBuffer> {
  const { width, height, depth, colour, interlace = 0, rows, palette, extra = {}, late = {} } = parts;
  const ihdr = new Uint8Array(13);
  new DataView(ihdr.buffer).setUint32(0, width);
  new DataView(ihdr.buffer).setUint32(4, height);
  ihdr.set([depth, colour, 0, 0, interlace], 8);
  const pixels = deflateSync(Uint8Array.from(rows));
  return Uint8Array.from([
    ...[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    ...pngChunk("IHDR", ihdr),
    ...(palette ? pngChunk("PLTE", palette) : []),
    ...Object.entries(extra).flatMap(([type, data]) => pngChunk(type, data)),
    ...pngChunk("IDAT", pixels.subarray(0, 3)),
    ...pngChunk("IDAT", pixels.subarray(3)),
    ...Object.entries(late).flatMap(([type, data]) => pngChunk(type, data)),
    ...pngChunk("IEND", []),
  ]);
}

/** An EXIF block of these entries, with data at offset 26, four bytes after the first entry. */
export function exifOf(
  entries: readonly (readonly [tag: number, type: number, count: number, value: number])[],
  little = false,
  data: readonly number[] = [],
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(14 + 12 * entries.length + data.length);
  const view = new DataView(bytes.buffer);
  bytes.fill(little ? 0x49 : 0x4d, 0, 2);
  view.setUint16(2, 42, little);
  view.setUint32(4, 8, little);
  view.setUint16(8, entries.length, little);
  entries.forEach(([tag, type, count, value], i) => {
    const at = 10 + 12 * i;
    view.setUint16(at, tag, little);
    view.setUint16(at + 2, type, little);
    view.setUint32(at + 4, count, little);
    if (type === 3) view.setUint16(at + 8, value, little);
    else view.setUint32(at + 8, value, little);
  });
  bytes.set(data, bytes.length - data.length);
  return bytes;
}

function pngChunk(type: string, data: Iterable<number>): number[] {
  const body = Uint8Array.from([...new TextEncoder().encode(type), ...data]);
  const ends = new DataView(new ArrayBuffer(8));
  ends.setUint32(0, body.length - 4);
  ends.setUint32(4, crc32(body));
  const [length, checksum] = [new Uint8Array(ends.buffer, 0, 4), new Uint8Array(ends.buffer, 4)];
  return [...length, ...body, ...checksum];
}

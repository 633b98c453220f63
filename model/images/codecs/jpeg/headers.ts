/**
 * Reads the headers of a JPEG: segments, frame, and colour space.
 *
 * @module
 */

import type { Cost } from "../cost.ts";
import { cannotDecode } from "../errors.ts";

/** A marker and its content, from `start` to `end`; for a scan only its header. */
export interface Segment {
  readonly marker: number;
  readonly start: number;
  /** Offset of the content, after marker and length. */
  readonly data: number;
  readonly end: number;
}

/** A plane of a JPEG. */
export interface Component {
  readonly id: number;
  /** Sampling factors: blocks of this component in an MCU, horizontally and vertically. */
  readonly h: number;
  readonly v: number;
}

/** The frame header. */
interface Frame {
  readonly width: number;
  readonly height: number;
  readonly progressive: boolean;
  readonly components: readonly Component[];
}

/** All headers of a file. */
export interface JpegHeaders extends Frame {
  readonly segments: readonly Segment[];
  /** Whether the file has all bits of all coefficients. Progressive files may end early. */
  readonly complete: boolean;
  readonly cost: Cost;
  /** Whether there is a JFIF segment, and the colour transform of the Adobe segment, if there is one. */
  readonly jfif: boolean;
  readonly adobe?: number;
  /** The EXIF block, if there is one. */
  readonly exif?: Uint8Array;
}

/** Markers: start of frame and of scan, Huffman tables, restart interval, application data, start and end of image. */
export const SOF0 = 0xc0, SOF2 = 0xc2, SOS = 0xda, DHT = 0xc4, DRI = 0xdd, APP0 = 0xe0, APP1 = 0xe1, APP15 = 0xef;
const SOI = 0xd8, EOI = 0xd9, APP14 = 0xee;

/**
 * Usual progressive files have ten scans. A scan can be a few bytes long, yet take as much time as the whole picture.
 */
const MAX_SCANS = 100;

/** Reads all headers. Skips bytes between segments, like libjpeg. */
export function readJpegHeaders(bytes: Uint8Array): JpegHeaders {
  const segments = [...segmentsOf(bytes)];
  const frame = segments.find(({ marker }) => isFrame(marker));
  if (!frame) throw cannotDecode("this JPEG has no frame header, it is damaged or cut short");
  const scans = segments.filter(({ marker }) => marker === SOS);
  if (scans.length === 0) throw cannotDecode("this JPEG has no pixels, it is damaged or cut short");
  if (scans.length > MAX_SCANS) {
    throw cannotDecode(`this JPEG has ${scans.length} scans, more than ${MAX_SCANS}; save it again`);
  }
  const contentOf = ({ data, end }: Segment) => bytes.subarray(data, end);
  const beginning = (marker: number, text: string) =>
    segments.filter((segment) => segment.marker === marker).map(contentOf).find((content) => startsWith(content, text));
  const stated = readFrame(frame.marker, contentOf(frame));
  return {
    ...stated,
    segments,
    complete: !stated.progressive || stated.components.every((one) => isComplete(one, scans.map(contentOf))),
    cost: costOf(stated, scans.length),
    jfif: beginning(APP0, "JFIF\0") !== undefined,
    adobe: beginning(APP14, "Adobe")?.[11],
    exif: beginning(APP1, "Exif\0"),
  };
}

/** Cost of decoding the picture as a whole or as planes, and of keeping all coefficients if there are several scans. */
function costOf({ width, height, components }: Frame, scans: number): Cost {
  const pixels = width * height;
  const { h, v } = largestFactors(components);
  const samples = components.reduce((sum, component) => sum + component.h * component.v, 0) / (h * v);
  const ofPlanes = needsPlanes(components);
  return {
    memory: pixels * ((ofPlanes ? 24 : 10) + (scans > 1 ? 2 * samples : 0)),
    time: pixels * ((ofPlanes ? 150 : 60) + (scans > 1 ? 4 * scans : 0)),
  };
}

/**
 * Whether the decoder cannot read the picture as a whole: four components, or rows that it upsamples unlike
 * libjpeg-turbo.
 */
export function needsPlanes(components: readonly Component[]): boolean {
  return components.length === 4 || components.some((one) => hasHalfRows(one, components));
}

/** Whether a component has all columns but only every other row: the decoder upsamples those unlike libjpeg-turbo. */
export function hasHalfRows({ h, v }: Component, components: readonly Component[]): boolean {
  const largest = largestFactors(components);
  return h === largest.h && 2 * v === largest.v;
}

/** The largest sampling factors, those of components at full size. */
export function largestFactors(components: readonly Component[]): { h: number; v: number } {
  return { h: Math.max(...components.map(({ h }) => h)), v: Math.max(...components.map(({ v }) => v)) };
}

function readFrame(marker: number, frame: Uint8Array): Frame {
  if (marker > SOF2) {
    const kind = marker > 0xc8 ? "arithmetic coded" : "lossless or hierarchical";
    throw cannotDecode(`this JPEG is ${kind}, save it as an ordinary one`);
  }
  const [precision, heightHigh, heightLow, widthHigh, widthLow, count] = frame;
  if (precision !== 8) throw cannotDecode(`this JPEG has ${precision} bits a sample, expected 8`);
  const [height, width] = [heightHigh << 8 | heightLow, widthHigh << 8 | widthLow];
  if (width === 0 || height === 0) throw cannotDecode(`this JPEG states a size of ${width}×${height} pixels`);
  if (![1, 3, 4].includes(count) || frame.length !== 6 + 3 * count) {
    throw cannotDecode(`this JPEG has ${count} components, expected 1, 3 or 4`);
  }
  const components = Array.from({ length: count }, (_, i) => {
    const [id, sampling] = frame.subarray(6 + 3 * i);
    return { id, h: sampling >> 4, v: sampling & 15 };
  });
  if (components.some(({ h, v }) => h < 1 || h > 4 || v < 1 || v > 4)) {
    throw cannotDecode("the sampling factors of this JPEG are damaged");
  }
  return { width, height, progressive: marker === SOF2, components };
}

/** Whether the scans have the last bit of all 64 coefficients of a component. */
function isComplete({ id }: Component, scans: readonly Uint8Array[]): boolean {
  const complete = new Set<number>();
  for (const [count, ...header] of scans) {
    const isOfComponent = header.slice(0, 2 * count).some((byte, i) => i % 2 === 0 && byte === id);
    const [first, last, bits] = header.slice(2 * count);
    if (!isOfComponent || (bits & 15) > 0) continue;
    for (let k = first; k <= last; k++) complete.add(k);
  }
  return complete.size >= 64;
}

/** The segments up to the end marker. */
function* segmentsOf(bytes: Uint8Array): Generator<Segment> {
  const cutShort = () => cannotDecode(`this JPEG is cut short after ${bytes.length} bytes`);
  let offset = 2;
  while (true) {
    const start = bytes.indexOf(0xff, offset);
    if (start < 0 || start + 1 >= bytes.length) throw cutShort();
    const marker = bytes[start + 1];
    offset = start + (marker === 0xff ? 1 : 2);
    if (marker === EOI) return yield { marker, start, data: offset, end: offset };
    if (marker === SOI) throw cannotDecode("this JPEG begins twice, it is damaged");
    if (isBare(marker)) continue;
    const end = offset + (bytes[offset] << 8 | bytes[offset + 1]);
    if (!(end <= bytes.length)) throw cutShort();
    yield { marker, start, data: offset + 2, end };
    offset = end;
  }
}

/** Whether a marker has no content: fill bytes, stuffed zeros, restarts. */
function isBare(marker: number): boolean {
  return marker === 0xff || marker <= 1 || (marker >= 0xd0 && marker <= 0xd7);
}

/** Whether a marker begins a frame: SOF0 to SOF15 without DHT, JPG and DAC, which share their range. */
function isFrame(marker: number): boolean {
  return marker >= SOF0 && marker <= 0xcf && marker !== DHT && marker !== 0xc8 && marker !== 0xcc;
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return [...text].every((char, i) => bytes[i] === char.charCodeAt(0));
}

/**
 * TIFF: the first picture, of up to 8 bits a channel, as PIL and its libtiff read it.
 *
 * Of the 21 files that the tests have of it, utif2 reads 12 as PIL does and tiff 5: neither planes, tiles and CMYK nor grays of
 * two and four bits. Deflated data are inflated by pako.
 *
 * @module
 */

import type { Raster } from "../raster.ts";
import { blank, type Colours, coloursOf, pixelsOf } from "./palette.ts";
import { expanderOf } from "./tiff_compression.ts";
import { cutShort, NONE, Photometric, readLayout, readTags, type TiffLayout } from "./tiff_directory.ts";

/** Width and height of the first picture, before it is turned. */
export function tiffSize(bytes: Uint8Array): { width: number; height: number } {
  const { width, height } = readTags(bytes);
  return { width, height };
}

/** The orientation of the first picture, 1 to 8 as in EXIF. Turned once, as PIL does from version 10 on. */
export function tiffOrientation(bytes: Uint8Array): number {
  const { orientation } = readTags(bytes);
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

/** The pixels of the first picture, not turned. Alpha and further channels are dropped; CMYK becomes RGB as in PIL. */
export function decodeTiff(bytes: Uint8Array): Raster {
  const layout = readLayout(bytes);
  const samples = readSamples(bytes, layout);
  const { width, height, photometric, channels, premultiplied } = layout;
  const picture = blank(width, height, 0xffffffff);
  const { data } = picture;
  if (channels < 3) {
    const colours = indexColours(layout);
    const pixels = pixelsOf(picture);
    for (let i = 0; i < pixels.length; i++) pixels[i] = colours[samples[i * channels]];
    return picture;
  }
  for (let from = 0, to = 0; to < data.length; from += channels, to += 4) {
    const fourth = samples[from + 3];
    for (let c = 0; c < 3; c++) {
      const sample = samples[from + c];
      if (photometric === Photometric.Cmyk) data[to + c] = 255 - fourth - divideBy255(sample * (255 - fourth));
      else if (premultiplied) data[to + c] = fourth === 0 ? 0 : Math.floor(255 * sample / fourth);
      else data[to + c] = sample;
    }
  }
  return picture;
}

/** Rounded, as PIL divides. */
function divideBy255(product: number): number {
  const biased = product + 128;
  return (biased + (biased >> 8)) >> 8;
}

/** The colour of each value of the one sample that counts. */
function indexColours({ photometric, bits, palette }: TiffLayout): Colours {
  if (photometric === Photometric.Palette) return coloursOf(palette);
  const largest = (1 << bits) - 1;
  const grays = Array.from({ length: 1 << bits }, (_, value) => value * 255 / largest);
  if (photometric === Photometric.MinIsWhite) grays.reverse();
  return coloursOf(Uint8Array.from(grays.flatMap((gray) => [gray, gray, gray])));
}

/** A byte for each sample, pixel by pixel. */
function readSamples(bytes: Uint8Array, layout: TiffLayout): Uint8Array {
  const { width, height, bits, planar, tiled, blockWidth, blockHeight, blocks, compression } = layout;
  const perBlock = planar ? 1 : layout.channels;
  const step = planar ? layout.channels : 1;
  const rowBytes = Math.ceil(blockWidth * perBlock * bits / 8);
  const across = Math.ceil(width / blockWidth), down = Math.ceil(height / blockHeight);
  const expand = expanderOf(compression);
  const file = layout.reversed ? bytes.map(reverseBits) : bytes;
  const samples = new Uint8Array(width * height * layout.channels);
  const buffer = new Uint8Array(rowBytes * blockHeight);
  blocks.forEach(({ offset, length }, i) => {
    const left = (i % across) * blockWidth;
    const top = Math.floor(i / across) % down * blockHeight;
    const columns = Math.min(blockWidth, width - left), rows = Math.min(blockHeight, height - top);
    // Without compression PIL reads on to the last pixel that is seen, wherever the block is said to end.
    const seen = (rows - 1) * rowBytes + Math.ceil(columns * perBlock * bits / 8);
    const end = offset + (compression === NONE ? seen : length);
    if (end > bytes.length) throw cutShort(bytes);
    expand(file.subarray(offset, end), buffer, rowBytes * (tiled ? blockHeight : rows));
    for (let row = 0; row < rows; row++) {
      const line = buffer.subarray(row * rowBytes, (row + 1) * rowBytes);
      if (layout.predicted) addLeft(line, perBlock);
      const to = ((top + row) * width + left) * layout.channels + Math.floor(i / (across * down));
      copySamples(line, bits, columns * perBlock, samples, to, step);
    }
  });
  return samples;
}

/** Undoes a predictor: adds to each sample that of the pixel before. */
function addLeft(line: Uint8Array, channels: number): void {
  for (let i = channels; i < line.length; i++) line[i] += line[i - channels];
}

/** Spreads out packed samples, each to every `step`th byte. */
function copySamples(line: Uint8Array, bits: number, count: number, out: Uint8Array, to: number, step: number): void {
  const mask = (1 << bits) - 1;
  for (let i = 0, at = 0; i < count; i++, at += bits, to += step) {
    out[to] = line[at >> 3] >> (8 - bits - (at & 7)) & mask;
  }
}

function reverseBits(byte: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) reversed |= (byte >> bit & 1) << (7 - bit);
  return reversed;
}

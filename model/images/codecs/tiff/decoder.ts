/**
 * Reads the first picture of TIFF files, of up to 8 bits per channel, like PIL and its libtiff.
 *
 * Own code, because of the 21 files in the tests utif2 reads only 12 like PIL and tiff only 5: they lack planes, tiles,
 * CMYK, and gray of two and four bits. pako inflates deflated blocks.
 *
 * @module
 */

import { blank, pixelsOf, type Raster } from "../../raster/raster.ts";
import { type Colours, coloursOf } from "../palette.ts";
import { expanderOf } from "./compression.ts";
import { cutShort, NONE, Photometric, type TiffLayout } from "./directory.ts";

/**
 * The pixels of the first picture, before its orientation is applied. Drops extra channels; CMYK becomes RGB as in PIL.
 */
export function decodeTiff(bytes: Uint8Array, layout: TiffLayout): Raster {
  const picture = readSamples(bytes, layout);
  if (layout.channels < 3) colourIndices(picture, indexColours(layout));
  else if (layout.photometric === Photometric.Cmyk) convertInks(picture);
  else if (layout.premultiplied) divideByAlpha(picture);
  for (let at = 3; at < picture.data.length; at += 4) picture.data[at] = 255;
  return picture;
}

function colourIndices(picture: Raster, colours: Colours): void {
  const pixels = pixelsOf(picture);
  for (let i = 0; i < pixels.length; i++) pixels[i] = colours[picture.data[4 * i]];
}

function convertInks({ data }: Raster): void {
  for (let at = 0; at < data.length; at += 4) {
    const light = 255 - data[at + 3];
    for (let c = at; c < at + 3; c++) data[c] = light - divideBy255(data[c] * light);
  }
}

function divideByAlpha({ data }: Raster): void {
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3];
    for (let c = at; c < at + 3; c++) data[c] = alpha === 0 ? 0 : Math.floor(255 * data[c] / alpha);
  }
}

/** Divides and rounds like PIL. */
function divideBy255(product: number): number {
  const biased = product + 128;
  return (biased + (biased >> 8)) >> 8;
}

/** The colour of each value of a pixel's first sample. */
function indexColours({ photometric, bits, palette }: TiffLayout): Colours {
  if (photometric === Photometric.Palette) return coloursOf(palette);
  const largest = (1 << bits) - 1;
  const grays = Array.from({ length: 1 << bits }, (_, value) => value * 255 / largest);
  if (photometric === Photometric.MinIsWhite) grays.reverse();
  return coloursOf(Uint8Array.from(grays.flatMap((gray) => [gray, gray, gray])));
}

/** The first four samples of each pixel, in place of its red, green, blue and alpha. */
function readSamples(bytes: Uint8Array, layout: TiffLayout): Raster {
  const { width, height, bits, planar, tiled, blockWidth, blockHeight, rowBytes, blocks, compression } = layout;
  const perBlock = planar ? 1 : layout.channels;
  const across = Math.ceil(width / blockWidth), down = Math.ceil(height / blockHeight);
  const expand = expanderOf(compression);
  const file = layout.reversed ? bytes.map(reverseBits) : bytes;
  const picture = blank(width, height, 0);
  const buffer = new Uint8Array(rowBytes * blockHeight);
  blocks.forEach(({ offset, length }, i) => {
    const left = (i % across) * blockWidth;
    const top = Math.floor(i / across) % down * blockHeight;
    const columns = Math.min(blockWidth, width - left), rows = Math.min(blockHeight, height - top);
    // Without compression PIL ignores the stated length and reads up to the last visible pixel.
    const visibleBytes = (rows - 1) * rowBytes + Math.ceil(columns * perBlock * bits / 8);
    const end = offset + (compression === NONE ? visibleBytes : length);
    if (end > bytes.length) throw cutShort(bytes);
    expand(file.subarray(offset, end), buffer, rowBytes * (tiled ? blockHeight : rows));
    for (let row = 0; row < rows; row++) {
      const line = buffer.subarray(row * rowBytes, (row + 1) * rowBytes);
      if (layout.predicted) addLeft(line, perBlock);
      const to = 4 * ((top + row) * width + left) + Math.floor(i / (across * down));
      copySamples(line, bits, columns, perBlock, picture.data.subarray(to));
    }
  });
  return picture;
}

/** Undoes the horizontal predictor: adds the sample of the pixel to the left. */
function addLeft(line: Uint8Array, channels: number): void {
  for (let i = channels; i < line.length; i++) line[i] += line[i - channels];
}

/** Unpacks samples to four bytes per pixel. Drops those of channels after the fourth. */
function copySamples(line: Uint8Array, bits: number, columns: number, channels: number, out: Uint8ClampedArray): void {
  const mask = (1 << bits) - 1;
  const kept = Math.min(4, channels);
  for (let x = 0; x < columns; x++) {
    for (let c = 0; c < kept; c++) {
      const at = (x * channels + c) * bits;
      out[4 * x + c] = line[at >> 3] >> (8 - bits - (at & 7)) & mask;
    }
  }
}

function reverseBits(byte: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) reversed |= (byte >> bit & 1) << (7 - bit);
  return reversed;
}

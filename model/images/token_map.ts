/**
 * Visualizes tokens in false colours, and places pictures side by side.
 *
 * @module
 */

import { checkOptions } from "../../hub/mod.ts";
import { Picture } from "./picture.ts";

/**
 * A picture with one pixel per token, in a colour that depends only on the token's index. From one index to the next,
 * the hue turns by the golden angle and the lightness takes another irrational step, so that neighbouring indices
 * differ. Chroma is the same for all.
 *
 * @param indices `height * width` indices, row by row
 * @throws {RangeError} if there are more or fewer
 *
 * @example
 * ```ts
 * import { tokenMap } from "@codebook/vqmodel";
 * import { assertEquals } from "@std/assert";
 *
 * const map = tokenMap(Int32Array.of(7, 7, 8, 7), [2, 2]);
 * assertEquals(map.data.subarray(0, 4), map.data.subarray(4, 8));
 * ```
 */
export function tokenMap(indices: Int32Array, [height, width]: readonly [height: number, width: number]): Picture {
  if (indices.length !== height * width) {
    throw new RangeError(
      `Cannot map tokens: ${height}×${width} need ${height * width} indices, found ${indices.length}`,
    );
  }
  const data = new Uint8ClampedArray(4 * indices.length);
  indices.forEach((index, i) => data.set([...tokenColour(index), 255], 4 * i));
  return new Picture(width, height, data);
}

/**
 * Places pictures in a row on white, each resized to the size of the first by nearest neighbour.
 *
 * @param options.gap white pixels between two pictures, a whole number ≥ 0; default 8
 * @throws {TypeError} for an unknown option
 * @throws {RangeError} if there is no picture, or `gap` is not a whole number ≥ 0
 */
export function sideBySide(pictures: readonly Picture[], options: { gap?: number } = {}): Picture {
  checkOptions("put pictures side by side", options, { gap: true });
  const { gap = 8 } = options;
  if (pictures.length === 0) throw new RangeError("Cannot put pictures side by side: there are none");
  if (!Number.isSafeInteger(gap) || gap < 0) {
    throw new RangeError(`Cannot put pictures side by side: gap must be a whole number ≥ 0, found ${gap}`);
  }
  const [{ width, height }] = pictures;
  const total = pictures.length * (width + gap) - gap;
  const data = new Uint8ClampedArray(4 * total * height).fill(255);
  const pixels = new Uint32Array(data.buffer);
  pictures.forEach((picture, n) => {
    const from = new Uint32Array(picture.data.slice().buffer);
    for (let y = 0; y < height; y++) {
      const row = Math.floor(y * picture.height / height) * picture.width;
      for (let x = 0; x < width; x++) {
        pixels[y * total + n * (width + gap) + x] = from[row + Math.floor(x * picture.width / width)];
      }
    }
  });
  return new Picture(total, height, data);
}

/** Unclamped sRGB bytes of a colour in OKLCH with chroma 0.11. */
function tokenColour(index: number): number[] {
  const hue = 2 * Math.PI * (index * 0.6180339887 % 1);
  const lightness = 0.5 + 0.35 * (index * 0.7548776662 % 1);
  const a = 0.11 * Math.cos(hue);
  const b = 0.11 * Math.sin(hue);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((light) => 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
}

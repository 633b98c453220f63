/**
 * Drawings as pictures.
 *
 * @module
 */

import { Picture } from "../../../mod.ts";
import type { Drawing, Point, Shape } from "./drawing.ts";
import { linesOf } from "./glyphs.ts";

/** Pixels of a picture along one of its drawing, so that it is sharp on every screen. */
const SCALE = 2;
/** Thickness of the lines of letters, in heights of their text. */
const LETTER_WIDTH = 0.085;
/** The colour of text, which is SVG's default. */
const BLACK = "#000000";

/** The share of each pixel that is covered, 0 to 1, in a part of a picture. */
interface Mask {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly coverage: Float32Array;
}

/** Draws a drawing, with smooth edges. */
export function pictureOf({ width, height, shapes }: Drawing): Picture {
  const data = new Uint8ClampedArray(4 * SCALE * width * SCALE * height).fill(255);
  const picture = new Picture(SCALE * width, SCALE * height, data);
  for (const shape of shapes) draw(picture, shape);
  return picture;
}

function draw(picture: Picture, shape: Shape): void {
  if ("rectangle" in shape) return paint(picture, rectangleMask(shape.rectangle), shape.color);
  const [lines, width, color] = "text" in shape
    ? [linesOf(shape), LETTER_WIDTH * shape.size, BLACK]
    : [[shape.line], shape.width, shape.color];
  paint(picture, lineMask(lines, width), color);
}

function rectangleMask([x, y, width, height]: readonly number[]): Mask {
  const mask = maskOf(boxAround([[x, y], [x + width, y + height]], 0));
  const overlap = (pixel: number, begin: number, length: number) =>
    Math.max(0, Math.min(pixel + 1, SCALE * (begin + length)) - Math.max(pixel, SCALE * begin));
  for (let row = 0; row < mask.height; row++) {
    for (let column = 0; column < mask.width; column++) {
      mask.coverage[row * mask.width + column] = overlap(mask.left + column, x, width) *
        overlap(mask.top + row, y, height);
    }
  }
  return mask;
}

/** Lines with round ends. */
function lineMask(lines: readonly (readonly Point[])[], width: number): Mask {
  const mask = maskOf(boxAround(lines.flat(), width / 2));
  for (const line of lines) {
    for (let i = 1; i < line.length; i++) addSegment(mask, line[i - 1], line[i], width);
  }
  return mask;
}

function addSegment({ left, top, width, coverage }: Mask, from: Point, to: Point, thickness: number): void {
  const near = boxAround([from, to], thickness / 2);
  for (let y = near.top; y < near.top + near.height; y++) {
    for (let x = near.left; x < near.left + near.width; x++) {
      const middle: Point = [(x + 0.5) / SCALE, (y + 0.5) / SCALE];
      const share = SCALE * (thickness / 2 - distance(middle, from, to)) + 0.5;
      const at = (y - top) * width + x - left;
      coverage[at] = Math.max(coverage[at], Math.min(1, share));
    }
  }
}

/** The distance of a point from the line between two others. */
function distance([x, y]: Point, [x0, y0]: Point, [x1, y1]: Point): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const along = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1);
  const share = Math.min(1, Math.max(0, along));
  return Math.hypot(x - x0 - share * dx, y - y0 - share * dy);
}

/** The pixels that points, and what is as far as `reach` from them, may touch. */
function boxAround(points: readonly Point[], reach: number): Omit<Mask, "coverage"> {
  if (points.length === 0) return { left: 0, top: 0, width: 0, height: 0 };
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, top] = [xs, ys].map((values) => Math.floor(SCALE * (Math.min(...values) - reach)) - 1);
  const [right, bottom] = [xs, ys].map((values) => Math.ceil(SCALE * (Math.max(...values) + reach)) + 1);
  return { left, top, width: right - left, height: bottom - top };
}

function maskOf(box: Omit<Mask, "coverage">): Mask {
  return { ...box, coverage: new Float32Array(box.width * box.height) };
}

/** Paints what a mask covers, as far as it is in the picture. */
function paint({ width, height, data }: Picture, mask: Mask, color: string): void {
  const channels = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  for (let row = Math.max(0, -mask.top); row < mask.height && mask.top + row < height; row++) {
    for (let column = Math.max(0, -mask.left); column < mask.width && mask.left + column < width; column++) {
      const share = mask.coverage[row * mask.width + column];
      const at = 4 * ((mask.top + row) * width + mask.left + column);
      for (let c = 0; c < 3 && share > 0; c++) data[at + c] += share * (channels[c] - data[at + c]);
    }
  }
}

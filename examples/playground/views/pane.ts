/// <reference lib="dom" />
/**
 * A canvas that shows a picture through a viewport, with marks on tokens.
 *
 * @module
 */

import type { Square } from "../editing/brush.ts";
import type { Pixels } from "../engine/types.ts";
import { canvasOf } from "./dom.ts";
import type { Size, Viewport } from "./viewport.ts";

/** What a pane shows. */
export interface Scene {
  /** The picture; `undefined` if there is none. May have fewer pixels than `size`. */
  readonly pixels: Pixels | undefined;
  /** Size of the picture to which viewport and marks refer. */
  readonly size: Size;
  readonly viewport: Viewport;
  /** Pixels per token along each side. */
  readonly factor: number;
  /** The token that is selected, with those under the brush. */
  readonly cursor?: Square;
  /** What is said where there is no picture. */
  readonly placeholder: string;
}

/** Size of a canvas on the page. */
export function sizeOf(canvas: HTMLCanvasElement): Size {
  return { width: canvas.clientWidth, height: canvas.clientHeight };
}

/** Draws a pane. */
export function drawPane(canvas: HTMLCanvasElement, scene: Scene): void {
  const ratio = globalThis.devicePixelRatio;
  const { width, height } = sizeOf(canvas);
  const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== columns || canvas.height !== rows) [canvas.width, canvas.height] = [columns, rows];

  const context = canvas.getContext("2d")!;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, columns, rows);
  context.scale(ratio, ratio);
  if (!scene.pixels) return drawText(canvas, context, scene.placeholder);

  const { viewport: { scale, x, y }, size } = scene;
  const isEnlarged = scale * size.width > 1.5 * scene.pixels.width;
  context.imageSmoothingEnabled = !isEnlarged;
  context.imageSmoothingQuality = "high";
  context.drawImage(canvasOf(scene.pixels), -x * scale, -y * scale, size.width * scale, size.height * scale);
  drawGrid(context, scene);
  if (scene.cursor) drawCursor(context, scene, scene.cursor);
}

/** Lines between tokens that are large enough. */
function drawGrid(context: CanvasRenderingContext2D, { viewport: { scale, x, y }, size, factor }: Scene): void {
  if (factor * scale < 14) return;
  context.strokeStyle = "rgb(128 128 128 / 0.35)";
  context.lineWidth = 1;
  context.beginPath();
  for (let line = 0; line <= size.width; line += factor) {
    context.moveTo((line - x) * scale, -y * scale);
    context.lineTo((line - x) * scale, (size.height - y) * scale);
  }
  for (let line = 0; line <= size.height; line += factor) {
    context.moveTo(-x * scale, (line - y) * scale);
    context.lineTo((size.width - x) * scale, (line - y) * scale);
  }
  context.stroke();
}

/** A frame of two colours, visible on any picture. */
function drawCursor(context: CanvasRenderingContext2D, { viewport, factor }: Scene, square: Square): void {
  const { scale, x, y } = viewport;
  const left = (square.left * factor - x) * scale;
  const top = (square.top * factor - y) * scale;
  const width = (square.right - square.left) * factor * scale;
  const height = (square.bottom - square.top) * factor * scale;
  context.lineWidth = 3;
  context.strokeStyle = "rgb(0 0 0 / 0.75)";
  context.strokeRect(left - 1, top - 1, width + 2, height + 2);
  context.lineWidth = 1.5;
  context.strokeStyle = "#fff";
  context.strokeRect(left - 1, top - 1, width + 2, height + 2);
}

function drawText(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D, text: string): void {
  const { width, height } = sizeOf(canvas);
  const style = getComputedStyle(canvas);
  context.font = `14px ${style.fontFamily}`;
  context.fillStyle = style.color;
  context.globalAlpha = 0.6;
  context.textAlign = "center";
  context.fillText(text, width / 2, height / 2, width - 24);
  context.globalAlpha = 1;
}

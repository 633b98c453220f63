/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * Elements of the page.
 *
 * @module
 */

import type { Pixels } from "../engine/types.ts";

/** Classes of elements by the name of their tag. */
type Tags = HTMLElementTagNameMap;

/** The element with an id, which must have that tag. */
export function find<K extends keyof Tags>(tag: K, id: string): Tags[K] {
  const found = document.querySelector<Tags[K]>(`${tag}#${id}`);
  if (!found) throw new Error(`The page has no <${tag} id="${id}">`);
  return found;
}

/** A new element. */
export function create<K extends keyof Tags>(
  tag: K,
  properties: Partial<Tags[K]> = {},
  ...children: readonly (Node | string)[]
): Tags[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Names and values, for a `<dl>`. */
export function definitions(entries: readonly (readonly [name: string, value: Node | string])[]): HTMLElement[] {
  return entries.flatMap(([name, value]) => [create("dt", {}, name), create("dd", {}, value)]);
}

const CANVASES = new WeakMap<Pixels, HTMLCanvasElement>();

/** A canvas that holds pixels; the same one each time. */
export function canvasOf(pixels: Pixels): HTMLCanvasElement {
  let canvas = CANVASES.get(pixels);
  if (!canvas) {
    const { width, height, data } = pixels;
    canvas = create("canvas", { width, height });
    canvas.getContext("2d")!.putImageData(new ImageData(data, width, height), 0, 0);
    CANVASES.set(pixels, canvas);
  }
  return canvas;
}

/** A PNG file of what a canvas shows. */
export function pngOf(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => {
    const take = (file: Blob | null) => file ? resolve(file) : reject(new Error("Cannot encode the picture as PNG"));
    canvas.toBlob(take, "image/png");
  });
}

/** Draws part of a picture so that it fills a canvas, pixels as squares. */
export function drawPatch(
  canvas: HTMLCanvasElement,
  pixels: Pixels,
  part: { x: number; y: number; width: number; height: number } = { x: 0, y: 0, ...pixels },
): void {
  const context = canvas.getContext("2d")!;
  context.imageSmoothingEnabled = false;
  const { x, y, width, height } = part;
  context.drawImage(canvasOf(pixels), x, y, width, height, 0, 0, canvas.width, canvas.height);
}

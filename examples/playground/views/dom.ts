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

/** Shows names and texts in a `<dl>`. Replaces only texts that differ, so that little of the page is laid out again. */
export function showTexts(list: HTMLElement, entries: readonly (readonly [name: string, text: string])[]): void {
  const texts = entries.flat();
  const isSame = list.children.length === texts.length &&
    entries.every(([name], i) => list.children[2 * i].textContent === name);
  if (!isSame) return list.replaceChildren(...definitions(entries));
  [...list.children].forEach((element, i) => {
    if (element.textContent !== texts[i]) element.textContent = texts[i];
  });
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

/** A part of a picture, in pixels. */
export interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Draws part of a picture so that it fills a canvas, pixels as squares. */
export function drawPatch(
  canvas: HTMLCanvasElement,
  pixels: Pixels,
  { x, y, width, height }: Part = { x: 0, y: 0, ...pixels },
): void {
  const context = canvas.getContext("2d")!;
  context.imageSmoothingEnabled = false;
  context.drawImage(canvasOf(pixels), x, y, width, height, 0, 0, canvas.width, canvas.height);
}

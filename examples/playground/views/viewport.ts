/**
 * The part of the picture that all panes show.
 *
 * @module
 */

/** A size in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A point, in pixels of a pane or of the picture. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** What a pane shows: the point of the picture at its top left, and its pixels per pixel of the picture. */
export interface Viewport extends Point {
  readonly scale: number;
}

/** Pixels of a pane per pixel of the picture, at most. */
const MAX_SCALE = 64;

/** Shows the whole picture in the middle. */
export function fit(picture: Size, pane: Size): Viewport {
  const scale = Math.min(pane.width / picture.width, pane.height / picture.height);
  return {
    scale,
    x: (picture.width - pane.width / scale) / 2,
    y: (picture.height - pane.height / scale) / 2,
  };
}

/** The point of the picture at a point of the pane. */
export function toPicture({ scale, x, y }: Viewport, point: Point): Point {
  return { x: x + point.x / scale, y: y + point.y / scale };
}

/** Zooms by a factor around a point of the pane, which keeps showing the same point of the picture. */
export function zoom(viewport: Viewport, factor: number, at: Point, picture: Size, pane: Size): Viewport {
  const smallest = fit(picture, pane).scale;
  const scale = Math.min(Math.max(viewport.scale * factor, smallest), Math.max(MAX_SCALE, smallest));
  const fixed = toPicture(viewport, at);
  return within({ scale, x: fixed.x - at.x / scale, y: fixed.y - at.y / scale }, picture, pane);
}

/** Moves the picture by a distance in pixels of the pane. */
export function pan(viewport: Viewport, by: Point, picture: Size, pane: Size): Viewport {
  const { scale, x, y } = viewport;
  return within({ scale, x: x - by.x / scale, y: y - by.y / scale }, picture, pane);
}

/** Moves a viewport as little as needed for a rectangle of the picture to be visible. */
export function reveal(viewport: Viewport, begin: Point, end: Point, picture: Size, pane: Size): Viewport {
  const { scale } = viewport;
  const shift = (start: number, length: number, begin: number, end: number) => {
    if (begin < start) return begin;
    return end > start + length ? end - length : start;
  };
  const x = shift(viewport.x, pane.width / scale, begin.x, end.x);
  const y = shift(viewport.y, pane.height / scale, begin.y, end.y);
  return within({ scale, x, y }, picture, pane);
}

/** Leaves no empty space where the picture could fill it, and centres it where it cannot. */
function within({ scale, x, y }: Viewport, picture: Size, pane: Size): Viewport {
  const clamp = (start: number, whole: number, shown: number) =>
    shown >= whole ? (whole - shown) / 2 : Math.min(Math.max(start, 0), whole - shown);
  return {
    scale,
    x: clamp(x, picture.width, pane.width / scale),
    y: clamp(y, picture.height, pane.height / scale),
  };
}

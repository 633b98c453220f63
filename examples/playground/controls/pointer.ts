/// <reference lib="dom" />
/**
 * Mouse, pen and fingers on a pane.
 *
 * @module
 */

import type { Point } from "../views/viewport.ts";

/** What pointers do. Points and distances are in pixels of the pane. */
export interface PointerActions {
  /** Points at something, without a button. */
  hover(at: Point): void;
  /** Presses, moves while pressed, or releases. */
  press(at: Point): void;
  drag(at: Point): void;
  release(): void;
  /** Undoes what a press began: it was the first finger of several, or the browser takes it over. */
  cancel(): void;
  /** Moves the picture. */
  pan(by: Point): void;
  /** Zooms around a point. */
  zoom(factor: number, at: Point): void;
  /** Whether dragging moves the picture instead of using a tool. */
  isMoving(): boolean;
}

/** Distance in pixels from which a press that moves the picture is no click. */
const CLICK = 4;

/** Listens to the pointers of a pane. */
export function listenToPointers(canvas: HTMLCanvasElement, actions: PointerActions): void {
  const down = new Map<number, Point>();
  let moved = 0;
  let isTool = false;
  const pointOf = ({ offsetX, offsetY }: MouseEvent): Point => ({ x: offsetX, y: offsetY });

  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button > 1) return;
    const at = pointOf(event);
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at);
    moved = 0;
    if (isTool) actions.cancel(); // a second finger zooms
    isTool = down.size === 1 && event.button === 0 && !actions.isMoving();
    if (isTool) actions.press(at);
  });

  canvas.addEventListener("pointermove", (event) => {
    const at = pointOf(event);
    const before = down.get(event.pointerId);
    if (!before) return actions.hover(at);
    down.set(event.pointerId, at);
    if (isTool) return actions.drag(at);
    const by = { x: at.x - before.x, y: at.y - before.y };
    moved += Math.hypot(by.x, by.y);
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    if (other) actions.zoom(distance(at, other) / Math.max(1, distance(before, other)), other);
    else if (moved > CLICK) actions.pan(by);
  });

  const end = (event: PointerEvent) => {
    if (!down.delete(event.pointerId)) return;
    const isUp = event.type === "pointerup";
    if (isTool && isUp) actions.release();
    else if (isTool) actions.cancel();
    else if (isUp && moved <= CLICK) actions.hover(pointOf(event));
    isTool = false;
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);

  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    actions.zoom(Math.exp(-event.deltaY / 200), pointOf(event));
  }, { passive: false });
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

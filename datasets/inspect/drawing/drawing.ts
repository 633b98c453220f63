/**
 * Drawings of a few kinds of shapes, whatever they are drawn as.
 *
 * @module
 */

/** A place: to the right and down from the top left, in pixels of the drawing. */
export type Point = readonly [x: number, y: number];

/** A text; letters are those of {@linkcode GLYPHS}. */
export interface Text {
  readonly text: string;
  /** Where its baseline starts, has its middle, or ends. */
  readonly at: Point;
  readonly anchor: "start" | "middle" | "end";
  /** Height of its lines. */
  readonly size: number;
  /** Whether it is read from bottom to top. */
  readonly isUpright?: boolean;
}

/** A shape. Colours are written `#rrggbb`. */
export type Shape =
  | { readonly rectangle: readonly [x: number, y: number, width: number, height: number]; readonly color: string }
  | { readonly line: readonly Point[]; readonly color: string; readonly width: number }
  | Text;

/** Shapes on white, the later over the earlier. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly shapes: readonly Shape[];
}

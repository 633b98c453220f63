/// <reference lib="dom" />
/**
 * The three panes: original, tokens and reconstruction, which show the same part of the picture.
 *
 * @module
 */

import { brushSquare, type Grid, type Place } from "../editing/brush.ts";
import type { Pixels } from "../engine/types.ts";
import type { Session } from "../session.ts";
import { find } from "./dom.ts";
import { differenceMap, greatestMargin, marginMap } from "./heat_maps.ts";
import { drawPane, type Scene, sizeOf } from "./pane.ts";
import { tokenPixels } from "./token_map.ts";
import { fit, pan, type Point, reveal, type Size, toPicture, type Viewport, zoom } from "./viewport.ts";

/** The panes. */
export class Stage {
  readonly canvases = [find("canvas", "original"), find("canvas", "tokens"), find("canvas", "reconstruction")] as const;
  readonly #session: Session;
  readonly #map = remember(tokenPixels);
  readonly #difference = remember(differenceMap);
  readonly #margins = remember((margins: Float32Array, columns: number) =>
    marginMap(margins, columns, greatestMargin(margins))
  );
  #viewport: Viewport | undefined;
  #size: Size | undefined;

  /** The token that is selected. */
  cursor: Place = { row: 0, column: 0 };
  /** Tokens under the brush along each side; 1 for tools without one. */
  brush = 1;
  /** Whether the tokens' margins are shown. */
  showsMargins = false;
  /** Whether the difference of original and reconstruction is shown. */
  showsDifference = false;

  /** The panes of a session. */
  constructor(session: Session) {
    this.#session = session;
  }

  /** The grid of tokens; without any, of none. */
  get grid(): Grid {
    const { rows = 0, columns = 0 } = this.#session.opened ?? {};
    return { rows, columns };
  }

  /** Pixels of a pane per pixel of the picture. */
  get scale(): number {
    return this.#viewport?.scale ?? 1;
  }

  /** Whether only part of the picture is visible. */
  get isZoomed(): boolean {
    return this.#size !== undefined && this.scale > 1.001 * fit(this.#size, this.#pane).scale;
  }

  /** Draws everything. Fits the picture into the panes if it is of another size than before. */
  draw(): void {
    const { opened, tokens, model, decoded } = this.#session;
    if (!opened || !tokens || !model) {
      this.#size = undefined;
      const placeholder = this.#session.isBusy ? "Loading …" : "Open a picture";
      for (const canvas of this.canvases) drawPane(canvas, { ...EMPTY, placeholder });
      return;
    }
    const { factor, colours } = model;
    const size = { width: opened.columns * factor, height: opened.rows * factor };
    if (size.width !== this.#size?.width || size.height !== this.#size.height) this.#resize(size);

    const { picture, margins, columns } = opened;
    const map = this.showsMargins && margins ? this.#margins(margins, columns) : this.#map(tokens, columns, colours);
    const difference = this.showsDifference && picture && decoded && this.#difference(picture, decoded.picture);
    const scene = {
      size,
      factor,
      viewport: this.#viewport ??= fit(size, this.#pane),
      cursor: brushSquare(this.cursor, this.brush, this.grid),
    };
    const shown: [Pixels | undefined, string][] = [
      [picture, "Only tokens were opened"],
      [map, ""],
      [difference || decoded?.picture, this.#session.isBusy ? "Decoding …" : "Nothing was decoded"],
    ];
    shown.forEach(([pixels, placeholder], i) => drawPane(this.canvases[i], { ...scene, pixels, placeholder }));
  }

  /** The place of the token at a point of a pane; `undefined` if there is none. */
  placeAt(point: Point): Place | undefined {
    const { model } = this.#session;
    if (!this.#viewport || !model) return undefined;
    const { x, y } = toPicture(this.#viewport, point);
    const place = { row: Math.floor(y / model.factor), column: Math.floor(x / model.factor) };
    const { rows, columns } = this.grid;
    return place.row >= 0 && place.column >= 0 && place.row < rows && place.column < columns ? place : undefined;
  }

  /** Moves the cursor by rows and columns, and shows where it is. */
  moveCursor(rows: number, columns: number): void {
    const { grid, cursor } = this;
    const clamp = (value: number, count: number) => Math.min(Math.max(value, 0), Math.max(0, count - 1));
    this.cursor = {
      row: clamp(cursor.row + rows, grid.rows),
      column: clamp(cursor.column + columns, grid.columns),
    };
    if (!this.#viewport || !this.#size) return;
    const { factor } = this.#session.model!;
    const { top, left, bottom, right } = brushSquare(this.cursor, 3, grid);
    const [begin, end] = [{ x: left * factor, y: top * factor }, { x: right * factor, y: bottom * factor }];
    this.#viewport = reveal(this.#viewport, begin, end, this.#size, this.#pane);
  }

  /** Zooms around a point of the panes; by default around the cursor. */
  zoom(factor: number, at: Point = this.#cursorPoint()): void {
    if (this.#viewport && this.#size) this.#viewport = zoom(this.#viewport, factor, at, this.#size, this.#pane);
  }

  /** Moves the picture. */
  pan(by: Point): void {
    if (this.#viewport && this.#size) this.#viewport = pan(this.#viewport, by, this.#size, this.#pane);
  }

  /** Shows the whole picture. */
  fit(): void {
    this.#viewport = undefined;
  }

  get #pane(): Size {
    return sizeOf(this.canvases[0]);
  }

  #resize(size: Size): void {
    this.#size = size;
    this.#viewport = undefined;
    this.cursor = { row: Math.floor(this.grid.rows / 2), column: Math.floor(this.grid.columns / 2) };
    for (const canvas of this.canvases) canvas.style.aspectRatio = `${size.width} / ${size.height}`;
  }

  #cursorPoint(): Point {
    const { factor = 1 } = this.#session.model ?? {};
    const { x = 0, y = 0 } = this.#viewport ?? {};
    const { row, column } = this.cursor;
    return { x: ((column + 0.5) * factor - x) * this.scale, y: ((row + 0.5) * factor - y) * this.scale };
  }
}

const EMPTY: Omit<Scene, "placeholder"> = {
  pixels: undefined,
  size: { width: 1, height: 1 },
  viewport: { x: 0, y: 0, scale: 1 },
  factor: 1,
};

/** A function that computes again only when its arguments are others. */
function remember<A extends readonly unknown[], R>(compute: (...args: A) => R): (...args: A) => R {
  let last: { args: A; result: R } | undefined;
  return (...args) => {
    if (!last || args.some((arg, i) => arg !== last!.args[i])) last = { args, result: compute(...args) };
    return last.result;
  };
}

/**
 * Cells under a brush.
 *
 * @module
 */

/** Size of a grid of tokens. */
export interface Grid {
  /** Number of rows. */
  readonly rows: number;
  /** Number of columns. */
  readonly columns: number;
}

/** A place in a grid. */
export interface Place {
  /** Row from the top. */
  readonly row: number;
  /** Column from the left. */
  readonly column: number;
}

/** The position of a place, row by row. */
export function cellOf({ row, column }: Place, { columns }: Grid): number {
  return row * columns + column;
}

/** The place at a position. */
export function placeOf(cell: number, { columns }: Grid): Place {
  return { row: Math.floor(cell / columns), column: cell % columns };
}

/** The square of cells under a brush, as far as it is in the grid: rows and columns from `begin` up to `end`. */
export function brushSquare({ row, column }: Place, size: number, { rows, columns }: Grid): Square {
  const before = Math.floor((size - 1) / 2);
  const [top, left] = [row - before, column - before];
  return {
    top: Math.max(0, top),
    left: Math.max(0, left),
    bottom: Math.min(rows, top + size),
    right: Math.min(columns, left + size),
  };
}

/** A rectangle of cells; `bottom` and `right` are outside of it. */
export interface Square {
  /** First row. */
  readonly top: number;
  /** First column. */
  readonly left: number;
  /** Row after the last. */
  readonly bottom: number;
  /** Column after the last. */
  readonly right: number;
}

/** All cells that a brush touches on its way in a straight line. */
export function strokeCells(from: Place, to: Place, size: number, grid: Grid): number[] {
  const steps = Math.max(1, Math.abs(to.row - from.row), Math.abs(to.column - from.column));
  const cells = new Set<number>();
  for (let step = 0; step <= steps; step++) {
    const between = (a: number, b: number) => Math.round(a + (b - a) * step / steps);
    const place = { row: between(from.row, to.row), column: between(from.column, to.column) };
    const { top, left, bottom, right } = brushSquare(place, size, grid);
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) cells.add(cellOf({ row, column }, grid));
    }
  }
  return [...cells];
}

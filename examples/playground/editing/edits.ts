/**
 * Edits of a grid of tokens as data: they can be applied, undone, replayed and put into a link.
 *
 * @module
 */

import { randomNumbers } from "./random.ts";

/** A change of tokens. Cells are positions in the grid, row by row. */
export type Edit =
  /** Sets cells to a code. */
  | { readonly kind: "paint"; readonly code: number; readonly cells: readonly number[] }
  /** Sets cells to what they were in the picture. */
  | { readonly kind: "restore"; readonly cells: readonly number[] }
  /** Replaces each of two codes by the other, everywhere. */
  | { readonly kind: "swap"; readonly codes: readonly [number, number] }
  /** Permutes the tokens of a share of the cells. */
  | { readonly kind: "shuffle"; readonly percent: number; readonly seed: number }
  /** Sets a share of the cells to random codes. */
  | { readonly kind: "noise"; readonly percent: number; readonly seed: number }
  /** Sets a share of the cells to one code. */
  | { readonly kind: "mask"; readonly percent: number; readonly seed: number; readonly code: number };

/** What edits need to know of a grid. */
export interface EditContext {
  /** The tokens of the picture, before any edit. */
  readonly original: Int32Array;
  /** Number of codes. */
  readonly codes: number;
}

/** The tokens after an edit; those before it are left as they are. */
export function applyEdit(
  tokens: Int32Array<ArrayBuffer>,
  edit: Edit,
  { original, codes }: EditContext,
): Int32Array<ArrayBuffer> {
  const result = tokens.slice();
  switch (edit.kind) {
    case "paint":
      for (const cell of edit.cells) result[cell] = edit.code;
      return result;
    case "restore":
      for (const cell of edit.cells) result[cell] = original[cell];
      return result;
    case "swap":
      return tokens.map((code) => exchange(code, edit.codes));
    case "mask":
      for (const cell of chooseCells(tokens.length, edit)) result[cell] = edit.code;
      return result;
    case "noise": {
      const random = randomNumbers(edit.seed + 1);
      for (const cell of chooseCells(tokens.length, edit)) result[cell] = Math.floor(random() * codes);
      return result;
    }
    case "shuffle": {
      const cells = chooseCells(tokens.length, edit); // in random order, so that a rotation is a shuffle
      cells.forEach((cell, i) => result[cell] = tokens[cells[(i + 1) % cells.length]]);
      return result;
    }
  }
}

function exchange(code: number, [a, b]: readonly [number, number]): number {
  if (code === a) return b;
  return code === b ? a : code;
}

/** A share of the cells in random order. */
function chooseCells(count: number, { percent, seed }: { percent: number; seed: number }): Uint32Array {
  const random = randomNumbers(seed);
  const cells = Uint32Array.from({ length: count }, (_, cell) => cell);
  const chosen = Math.round(count * percent / 100);
  for (let i = 0; i < chosen; i++) {
    const other = i + Math.floor(random() * (count - i));
    [cells[i], cells[other]] = [cells[other], cells[i]];
  }
  return cells.subarray(0, chosen);
}

/**
 * Reads indices from flat or nested arrays, and checks the grid that they form.
 *
 * @module
 */

import { show } from "../../hub/show.ts";

/** Indices in an array, nested or not. The elements are not checked yet. */
export type Nested = ArrayLike<unknown>;

/** The allowed indices, and the rest of the message for others: "index 7 at position 0 is …". */
export interface IndexRange {
  /** The smallest index. */
  readonly min: number;
  /** The largest index. */
  readonly max: number;
  /** What other numbers are, such as "not in the codebook". */
  readonly problem: string;
}

/** Batch size, rows, columns. */
export type GridShape = readonly [n: number, h: number, w: number];

const MAX_DIMENSIONS = 3;
const LAYOUTS = "[n, h, w], [h, w], or, with a grid given, [n, h * w]";

/** The longest side of a grid, in short sides. Two dimensions that differ more are those of flattened pictures. */
const MAX_ASPECT = 4;
/** Fewest tokens of a picture that is taken for a flattened square: 8×8. */
const MIN_SQUARE = 64;

/**
 * The shape of nested arrays, by their first elements.
 *
 * @param task the beginning of messages
 * @throws {TypeError} if this is not an array, or is nested too deeply
 */
export function shapeOf(indices: unknown, task: string): number[] {
  const shape: number[] = [];
  for (let part = indices; shape.length === 0 || isArray(part); part = part[0]) {
    if (!isArray(part)) {
      throw new TypeError(`${task}: expected { indices: Int32Array, shape: [n, h, w] }, found no such indices`);
    }
    if (shape.length === MAX_DIMENSIONS) throw new TypeError(`${task}: expected ${LAYOUTS}, found deeper arrays`);
    shape.push(part.length);
  }
  return shape;
}

/**
 * The elements of nested arrays in order. Checks all of them before it allocates memory.
 *
 * @param shape the shape of the arrays, from {@linkcode shapeOf}
 * @throws {TypeError} if there is an object instead of a number or an inner array
 * @throws {RangeError} if an inner array is missing or has another length, or a number is out of range
 */
export function valuesOf(
  indices: Nested,
  { shape, range, task }: { shape: readonly number[]; range: IndexRange; task: string },
): Int32Array<ArrayBuffer> {
  let count = 0;
  for (const row of rowsOf(indices, shape, task)) {
    for (let i = 0; i < row.length; i++, count++) {
      if (!isInside(row[i], range)) {
        const Failure = typeof row[i] === "object" ? TypeError : RangeError;
        throw new Failure(`${task}: index ${showNumber(row[i])} at position ${count} is ${range.problem}`);
      }
    }
  }
  const values = new Int32Array(count);
  let end = 0;
  for (const row of rowsOf(indices, shape, task)) {
    for (let i = 0; i < row.length; i++) values[end++] = Number(row[i]);
  }
  return values;
}

/**
 * The grid that indices form.
 *
 * @param own the shape of the arrays or of the file's array
 * @param options.shape the shape of the tokens
 * @param options.grid the grid of each picture, instead of `shape`. Without either, `own` determines the grid
 * @throws {TypeError} if there are no indices, or too many dimensions
 * @throws {RangeError} if the indices do not fit the shape or the grid, or their grid is ambiguous
 */
export function layOut(
  own: readonly number[],
  { shape, grid, task }: { shape?: readonly number[]; grid?: readonly [h: number, w: number]; task: string },
): GridShape {
  if (own.length === 0 || own.length > MAX_DIMENSIONS || own.includes(0)) {
    throw new TypeError(`${task}: expected ${LAYOUTS}, found ${show(own)}`);
  }
  const count = own.reduce((product, side) => product * side, 1);
  if (grid) {
    const [h, w] = grid;
    if (count % (h * w) !== 0) {
      throw new RangeError(`${task}: a grid of ${h}×${w} takes ${h * w} indices a picture, found ${count} in all`);
    }
    shape = [count / (h * w), h, w];
  }
  const [n, h, w] = shape ?? ownGrid(own, task);
  if (count !== n * h * w) {
    throw new RangeError(`${task}: shape ${show(shape)} takes ${n * h * w} indices, found ${count}`);
  }
  const layouts = [[n, h, w], [n, h * w], [n * h * w], [n * h * w, 1], ...(n === 1 ? [[h, w]] : [])];
  if (!layouts.some((layout) => `${layout}` === `${own}`)) {
    throw new RangeError(`${task}: expected indices of shape [${[n, h, w]}], found ${show(own)}`);
  }
  return [n, h, w];
}

/** The grid of indices without a stated shape. A single row is ambiguous: it may be a flattened picture. */
function ownGrid(own: readonly number[], task: string): readonly number[] {
  if (own.length === MAX_DIMENSIONS) return own;
  const [h, w] = own;
  if (own.length === 2 && (h > 1 || w === 1)) return [1, h, w];
  throw new RangeError(
    `${task}: the grid of indices of shape ${show(own)} is ambiguous. Pass it: shape [n, h, w], or for a file ` +
      "grid [h, w], on the command line --grid HxW",
  );
}

/**
 * Checks that a file's array, if it has two dimensions, is one picture `[h, w]` and not pictures in rows, `[n, h * w]`: its
 * sides are those of a picture, and unless they are equal, its rows are no flattened squares.
 *
 * @param keys number of names of pictures in the file
 * @throws {RangeError} if it may be either
 */
export function checkOnePicture(own: readonly number[], { keys, task }: { keys?: number; task: string }): void {
  const [h, w] = own;
  if (own.length !== 2 || keys === 1 || keys !== h && isLikelyGrid(h, w)) return;
  throw new RangeError(
    `${task}: indices of shape ${
      show(own)
    } may be one picture of ${h}×${w} tokens, or ${h} flattened pictures of ${w}. ` +
      "Pass the grid of a picture: grid [h, w], on the command line --grid HxW",
  );
}

function isLikelyGrid(h: number, w: number): boolean {
  const isSquareInRow = w >= MIN_SQUARE && Number.isInteger(Math.sqrt(w));
  return h === w || Math.max(h, w) <= MAX_ASPECT * Math.min(h, w) && !isSquareInRow;
}

/** The innermost arrays, in order. */
function* rowsOf(indices: unknown, shape: readonly number[], task: string): Generator<Nested> {
  const [length, ...inner] = shape;
  if (!isArray(indices) || indices.length !== length) {
    const found = isArray(indices) ? `one of ${indices.length}` : "something else";
    const Failure = typeof indices === "object" && !isArray(indices) ? TypeError : RangeError;
    throw new Failure(`${task}: expected an array of ${length} like those before it, found ${found}`);
  }
  if (inner.length === 0) return yield indices;
  for (let i = 0; i < length; i++) yield* rowsOf(indices[i], inner, task);
}

/** Whether a value is an array of integers. Other objects with a length need not have elements. */
function isArray(value: unknown): value is Nested {
  return Array.isArray(value) ||
    ArrayBuffer.isView(value) &&
      /^(Big)?(Int|Uint)\d+(Clamped)?Array$/.test(Object.prototype.toString.call(value).slice(8, -1));
}

function isInside(value: unknown, { min, max }: IndexRange): boolean {
  return (typeof value === "bigint" || Number.isInteger(value)) && value as number >= min && value as number <= max;
}

function showNumber(value: unknown): string {
  return typeof value === "number" || typeof value === "bigint" ? show(value, 40) : `of type ${typeof value}`;
}

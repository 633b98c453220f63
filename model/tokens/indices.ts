/**
 * How indices lie: one after another or nested, and in which grid.
 *
 * @module
 */

import { show } from "../../hub/show.ts";

/** Whole numbers in arrays, nested or not. Only the outermost array is known to be one. */
export type Nested = ArrayLike<unknown>;

/** Which indices there may be, both ends included, and what is said of others: "index 7 at position 0 is …". */
export interface IndexRange {
  /** The least. */
  readonly least: number;
  /** The greatest. */
  readonly most: number;
  /** What others are. */
  readonly problem: string;
}

/** Batch, rows, columns. */
export type GridShape = readonly [n: number, h: number, w: number];

const MOST_DIMENSIONS = 3;
const LAYOUTS = "[n, h, w], [h, w], or, with a grid given, [n, h * w]";

/**
 * The sides of nested arrays, by their first elements.
 *
 * @param task what messages begin with
 * @throws {TypeError} if there is no array of whole numbers, or it is nested too deeply
 */
export function shapeOf(indices: unknown, task: string): number[] {
  const shape: number[] = [];
  for (let part = indices; shape.length === 0 || isArray(part); part = part[0]) {
    if (!isArray(part)) {
      throw new TypeError(`${task}: expected { indices: Int32Array, shape: [n, h, w] }, found no such indices`);
    }
    if (shape.length === MOST_DIMENSIONS) throw new TypeError(`${task}: expected ${LAYOUTS}, found deeper arrays`);
    shape.push(part.length);
  }
  return shape;
}

/**
 * The numbers in nested arrays, one after another. All of them are checked before memory is taken for them.
 *
 * @param shape the arrays' sides, as {@linkcode shapeOf} has them
 * @throws {TypeError} if there is an object in the place of a number or of an inner array
 * @throws {RangeError} if an inner array is missing or of another length, or a number is out of the range
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
 * The grid that indices lie in.
 *
 * @param own the sides of the arrays or of the file that they are in
 * @param asked the shape that they should have, or the grid of each picture; without both, as they lie
 * @throws {TypeError} if there are none, or they have too many dimensions
 * @throws {RangeError} if they do not lie so, or may lie in several grids
 */
export function layOut(
  own: readonly number[],
  { shape, grid, task }: { shape?: readonly number[]; grid?: readonly [h: number, w: number]; task: string },
): GridShape {
  if (own.length === 0 || own.length > MOST_DIMENSIONS || own.includes(0)) {
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
  const layouts = [[n, h, w], [n, h * w], [n * h * w], ...(n === 1 ? [[h, w]] : [])];
  if (!layouts.some((layout) => `${layout}` === `${own}`)) {
    throw new RangeError(`${task}: expected indices in shape [${[n, h, w]}], they lie in ${show(own)}`);
  }
  return [n, h, w];
}

/** A row may be a picture of a batch, of which there is one, so rows are no grid by themselves. */
function ownGrid(own: readonly number[], task: string): readonly number[] {
  if (own.length === MOST_DIMENSIONS) return own;
  const [h, w] = own;
  if (own.length === 2 && (h > 1 || w === 1)) return [1, h, w];
  throw new RangeError(
    `${task}: indices in shape ${show(own)} may lie in several grids. Give theirs: shape [n, h, w], or for a file ` +
      "grid [h, w], on the command line --grid HxW",
  );
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

/** Only real arrays: what else has a length need not have elements. */
function isArray(value: unknown): value is Nested {
  return Array.isArray(value) ||
    ArrayBuffer.isView(value) &&
      /^(Big)?(Int|Uint)\d+(Clamped)?Array$/.test(Object.prototype.toString.call(value).slice(8, -1));
}

function isInside(value: unknown, { least, most }: IndexRange): boolean {
  return (typeof value === "bigint" || Number.isInteger(value)) && value as number >= least && value as number <= most;
}

function showNumber(value: unknown): string {
  return typeof value === "number" || typeof value === "bigint" ? show(value, 40) : `of type ${typeof value}`;
}

/**
 * Decodes again only what changed tokens reach.
 *
 * @module
 */

import { show } from "../hub/show.ts";
import { type RunOptions, type Shape, Tensor } from "../kernels/mod.ts";
import { checkTensor } from "./arguments.ts";
import type { Engine } from "./engine/engine.ts";
import type { DetokenizeOptions } from "./options.ts";
import type { Tokens } from "./tokens/mod.ts";

/** How far around changed tokens the picture is replaced, in tokens; see {@linkcode VQModel.detokenize} for the error. */
const REACH = 6;
/** How far around them tokens are decoded. The rest of the window is not used, as it lacks its surroundings. */
const MARGIN = 12;
/** Windows are made larger to multiples of this, so that few programs serve rectangles of all sizes. */
const STEP = 4;

/** What partial decoding needs besides a picture: results of the last decoding as a whole. */
interface Kept {
  readonly engine: Engine;
  readonly grid: Tokens["shape"];
  readonly tensors: readonly Tensor[];
}

/** What was kept for pictures that can be edited. Its device memory is freed when it is garbage-collected. */
const KEPT = new WeakMap<Tensor, Kept>();

/** A range of rows or columns of the token grid. */
type Range = readonly [first: number, end: number];

/** A rectangle of the token grid. */
interface Area {
  readonly rows: Range;
  readonly columns: Range;
}

/** Pictures on the host. */
interface Pictures {
  readonly data: Float32Array;
  readonly shape: Shape;
}

/** Decodes tokens as a whole, and keeps what {@linkcode decodeChanged} needs. */
export async function decodeEditable(engine: Engine, tokens: Tokens, options: RunOptions): Promise<Tensor> {
  const [picture, ...tensors] = await engine.call("detokenizeEditable", tensorOf(tokens), options);
  KEPT.set(picture, { engine, grid: tokens.shape, tensors });
  return picture;
}

/** Decodes a window around changed tokens, and puts it into a copy of the previous picture. */
export async function decodeChanged(
  engine: Engine,
  tokens: Tokens,
  { changed, previous }: { changed: unknown; previous: unknown },
  options: RunOptions,
): Promise<Tensor> {
  engine.checkUsable();
  checkTensor("previous", previous);
  const kept = keptFor(previous, engine, tokens.shape);
  checkChanged(changed, tokens.shape);
  const [y0, x0, y1, x1] = changed;
  const [, height, width] = tokens.shape;
  const isEmpty = y0 === y1 || x0 === x1;
  const window = { rows: windowOf([y0, y1], height), columns: windowOf([x0, x1], width) };
  if (!isEmpty && lengthOf(window.rows) === height && lengthOf(window.columns) === width) {
    return await decodeEditable(engine, tokens, options);
  }
  const { shape } = previous;
  const data = (await previous.data()).slice() as Float32Array<ArrayBuffer>;
  if (!isEmpty) {
    const calling = { ...options, kept: kept.tensors, toHost: true };
    const [part] = await engine.call("detokenizeWindow", tensorOf(cut(tokens, window)), calling);
    options.signal?.throwIfAborted();
    const replaced = { rows: around([y0, y1], height), columns: around([x0, x1], width) };
    const from = { data: await part.data() as Float32Array, shape: part.shape };
    paste(from, { data, shape }, { window, replaced, scale: shape[2] / height });
  }
  const picture = new Tensor(data, shape);
  KEPT.set(picture, kept);
  return picture;
}

function tensorOf({ indices, shape }: Tokens): Tensor {
  return new Tensor(indices, shape);
}

function lengthOf([first, end]: Range): number {
  return end - first;
}

/** The rows or columns to decode of `side`, moved inside where they would go beyond it. */
function windowOf([first, end]: Range, side: number): Range {
  const wanted = end - first + 2 * MARGIN;
  const length = Math.min(side, Math.ceil(wanted / STEP) * STEP);
  const start = Math.min(Math.max(0, first - MARGIN), side - length);
  return [start, start + length];
}

/** The rows or columns to replace of `side`. */
function around([first, end]: Range, side: number): Range {
  return [Math.max(0, first - REACH), Math.min(side, end + REACH)];
}

/** The tokens of a window of each picture. */
function cut({ indices, shape: [n, height, width] }: Tokens, { rows, columns: [left, right] }: Area): Tokens {
  const shape = [n, lengthOf(rows), right - left] as const;
  const part = new Int32Array(shape[0] * shape[1] * shape[2]);
  for (let image = 0, to = 0; image < n; image++) {
    for (let y = rows[0]; y < rows[1]; y++, to += shape[2]) {
      const row = (image * height + y) * width;
      part.set(indices.subarray(row + left, row + right), to);
    }
  }
  return { indices: part, shape };
}

/** Puts an area of decoded windows into pictures. Both are in tokens, of `scale` pixels on each side. */
function paste(
  part: Pictures,
  picture: Pictures,
  { window, replaced, scale }: { window: Area; replaced: Area; scale: number },
): void {
  const [n, channels, height, width] = picture.shape;
  const [, , partHeight, partWidth] = part.shape;
  const [left, right] = replaced.columns.map((column) => column * scale);
  for (let plane = 0; plane < n * channels; plane++) {
    for (let y = replaced.rows[0] * scale; y < replaced.rows[1] * scale; y++) {
      const from = (plane * partHeight + y - window.rows[0] * scale) * partWidth - window.columns[0] * scale;
      picture.data.set(part.data.subarray(from + left, from + right), (plane * height + y) * width + left);
    }
  }
}

/** What was kept for a picture that this engine decoded from tokens of this shape. */
function keptFor(previous: Tensor, engine: Engine, shape: Tokens["shape"]): Kept {
  const kept = KEPT.get(previous);
  if (kept?.engine !== engine) {
    throw new TypeError(
      "Cannot decode changed tokens: previous must be a picture that detokenize of this model returned with " +
        "editable: true, or with changed and previous",
    );
  }
  if (kept.grid.join() !== shape.join()) {
    throw new RangeError(
      `Cannot decode changed tokens: their shape is [${shape}], but previous was decoded from [${kept.grid}]`,
    );
  }
  return kept;
}

/** Checks a rectangle of the token grid. */
function checkChanged(
  changed: unknown,
  [, height, width]: Tokens["shape"],
): asserts changed is NonNullable<DetokenizeOptions["changed"]> {
  if (!Array.isArray(changed) || changed.length !== 4 || !changed.every((side) => Number.isSafeInteger(side))) {
    throw new TypeError(
      `Cannot decode changed tokens: changed must be [y0, x0, y1, x1], whole numbers, found ${show(changed)}`,
    );
  }
  const [y0, x0, y1, x1] = changed;
  if (0 <= y0 && y0 <= y1 && y1 <= height && 0 <= x0 && x0 <= x1 && x1 <= width) return;
  throw new RangeError(
    `Cannot decode changed tokens: [y0, x0, y1, x1] must lie within ${height} rows and ${width} columns, y0 ≤ y1 and ` +
      `x0 ≤ x1, found ${show(changed)}`,
  );
}

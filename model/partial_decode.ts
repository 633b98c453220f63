/**
 * Decodes again only what changed tokens reach.
 *
 * @module
 */

import { show } from "../hub/show.ts";
import { type DeviceStorage, type RunOptions, type Shape, Tensor } from "../kernels/mod.ts";
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

/**
 * What partial decoding needs besides a picture: results of the last decoding as a whole. All pictures that are decoded from
 * its picture share it.
 */
class Kept {
  #references = 0;

  constructor(
    readonly engine: Engine,
    readonly grid: Tokens["shape"],
    readonly tensors: readonly Tensor[],
  ) {}

  /** Adds a reference, which {@linkcode release} removes. */
  retain(): void {
    this.#references++;
  }

  /** Removes a reference. The last one frees the device memory. */
  release(): void {
    if (--this.#references === 0) this.tensors.forEach((tensor) => tensor.dispose());
  }
}

/** A picture that can be edited, and a reference to what was kept for it. */
class EditablePicture extends Tensor {
  readonly #kept: Kept;

  constructor(storage: Float32Array | DeviceStorage, shape: Shape, kept: Kept) {
    super(storage as DeviceStorage, shape, "float32");
    this.#kept = kept;
    kept.retain();
  }

  /** What was kept for a tensor, if it is such a picture. */
  static keptOf(tensor: Tensor): Kept | undefined {
    return tensor instanceof EditablePicture ? tensor.#kept : undefined;
  }

  override dispose(): void {
    if (!this.disposed) this.#kept.release();
    super.dispose();
  }
}

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
  const storage = picture.storage as DeviceStorage;
  storage.retain();
  picture.dispose();
  return new EditablePicture(storage, picture.shape, new Kept(engine, tokens.shape, tensors));
}

/** Decodes a window around changed tokens, and puts it into a copy of the previous picture. */
export async function decodeChanged(
  engine: Engine,
  tokens: Tokens,
  { changed, previous }: { changed: unknown; previous: unknown },
  options: RunOptions,
): Promise<Tensor> {
  engine.checkUsable();
  options.signal?.throwIfAborted();
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
  kept.retain(); // `previous` may be disposed meanwhile
  try {
    const { shape } = previous;
    const data = (await previous.data()).slice() as Float32Array<ArrayBuffer>;
    if (isEmpty) return new EditablePicture(data, shape, kept);
    const calling = { ...options, kept: kept.tensors, toHost: true };
    const [part] = await engine.call("detokenizeWindow", tensorOf(cut(tokens, window)), calling);
    options.signal?.throwIfAborted();
    const replaced = { rows: around([y0, y1], height), columns: around([x0, x1], width) };
    const from = { data: await part.data() as Float32Array, shape: part.shape };
    paste(from, { data, shape }, { window, replaced, scale: shape[2] / height });
    return new EditablePicture(data, shape, kept);
  } finally {
    kept.release();
  }
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
  const kept = EditablePicture.keptOf(previous);
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

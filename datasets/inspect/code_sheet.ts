/**
 * What the codes of a model look like.
 *
 * @module
 */

import { checkOptions, type OptionNames } from "../../hub/mod.ts";
import { ImageProcessor, Picture, type VQModel } from "../../mod.ts";

/** Options of {@linkcode codeSheet}. */
export interface CodeSheetOptions {
  /** Index of the first code, from 0; default 0. */
  first?: number;
  /** Number of codes; default: all from `first` on. */
  count?: number;
  /** Aborts the call. */
  signal?: AbortSignal;
  /** Called with the number of codes that are done, and their total. */
  onProgress?: (done: number, total: number) => void;
}

const OPTIONS: OptionNames<CodeSheetOptions> = { first: true, count: true, signal: true, onProgress: true };

/** Codes that are decoded at once. */
const BATCH = 64;
/** Rows and columns of the grid that is decoded of each code, so that its middle has neighbours on all sides. */
const GRID = 3;
/** White pixels between two codes. */
const GAP = 1;
/** Codes of smaller pictures are enlarged to about as many pixels a side. */
const LEGIBLE = 16;
/** The most pixels of a sheet. */
const MAX_PIXELS = 2 ** 26;

/**
 * Draws what codes decode to, as a contact sheet: each one alone, in the middle of a 3×3 grid of itself. Codes are in rows
 * from the top left; the sheet has about as many columns as rows.
 *
 * @throws {RangeError} if `first` or `count` leave the codebook, or the sheet would have more than 2²⁶ pixels
 * @throws {TypeError} for an unknown option
 */
export async function codeSheet(model: VQModel, options: CodeSheetOptions = {}): Promise<Picture> {
  checkOptions("draw codes", options, OPTIONS);
  const { signal, onProgress } = options;
  const { first, count } = codesOf(model, options);
  const side = cellSide(model);
  const columns = Math.ceil(Math.sqrt(count));
  const sheet = emptySheet(columns, Math.ceil(count / columns), side);
  const processor = ImageProcessor.for(model);
  for (let done = 0; done < count; done += BATCH) {
    const pictures = await decode(model, processor, first + done, Math.min(BATCH, count - done), signal);
    pictures.forEach((picture, i) => {
      const cell = done + i;
      copyMiddle(picture, sheet, cell % columns * (side + GAP), Math.floor(cell / columns) * (side + GAP), side);
    });
    onProgress?.(Math.min(done + BATCH, count), count);
  }
  return sheet;
}

/** Pixels along the side of a code on the sheet, a multiple of the model's. */
function cellSide({ downsamplingFactor }: VQModel): number {
  return downsamplingFactor * Math.max(1, Math.round(LEGIBLE / downsamplingFactor));
}

function codesOf(model: VQModel, { first = 0, count }: CodeSheetOptions) {
  const codes = model.config.num_vq_embeddings;
  const all = count ?? codes - first;
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(all) || first < 0 || all < 1 || first + all > codes) {
    throw new RangeError(
      `Cannot draw codes: expected first and count within the ${codes} codes of the model, found ${first} and ${all}`,
    );
  }
  const most = Math.floor(MAX_PIXELS / (cellSide(model) + GAP) ** 2);
  if (all > most) {
    throw new RangeError(
      `Cannot draw ${all} codes on a sheet: at most ${most} fit; pass first and count, on the command line --codes`,
    );
  }
  return { first, count: all };
}

/** A white sheet. */
function emptySheet(columns: number, rows: number, side: number): Picture {
  const [width, height] = [columns * (side + GAP) - GAP, rows * (side + GAP) - GAP];
  return new Picture(width, height, new Uint8ClampedArray(4 * width * height).fill(255));
}

async function decode(
  model: VQModel,
  processor: ImageProcessor,
  first: number,
  count: number,
  signal?: AbortSignal,
): Promise<Picture[]> {
  const indices = Int32Array.from({ length: count * GRID ** 2 }, (_, i) => first + Math.floor(i / GRID ** 2));
  const decoded = await model.detokenize({ indices, shape: [count, GRID, GRID] }, { signal });
  return await processor.postprocess(decoded).finally(() => decoded.dispose());
}

/** Copies the middle of a picture to a square of `side` pixels on the sheet. */
function copyMiddle(from: Picture, to: Picture, left: number, top: number, side: number): void {
  const [source, target] = [from, to].map(({ data }) => new Uint32Array(data.buffer, data.byteOffset));
  const middle = from.width / GRID, scale = side / middle;
  for (let y = 0; y < side; y++) {
    const row = (middle + Math.floor(y / scale)) * from.width + middle;
    for (let x = 0; x < side; x++) target[(top + y) * to.width + left + x] = source[row + Math.floor(x / scale)];
  }
}

/**
 * A picture that is decoded again and again while its tokens change.
 *
 * @module
 */

import type { ModelMethods, Tensor } from "../../../mod.ts";
import { changedRegion } from "../editing/region.ts";
import type { TokenGrid } from "./types.ts";

/** The picture that was decoded last, and its tokens. */
export interface EditedPicture {
  readonly grid: TokenGrid;
  readonly decoded: Tensor;
  /** Whether all of it was computed at once. */
  readonly exact: boolean;
}

/** Decodes all tokens or, given the picture before, what those reach that have changed. */
export async function decodeEdited(
  model: ModelMethods,
  grid: TokenGrid,
  before: EditedPicture | undefined,
  signal: AbortSignal,
): Promise<EditedPicture> {
  const { rows, columns, indices } = grid;
  const tokens = { indices, shape: [1, rows, columns] } as const;
  if (before?.grid.rows !== rows || before.grid.columns !== columns) {
    return { grid, decoded: await model.detokenize(tokens, { editable: true, signal }), exact: true };
  }
  const changed = changedRegion(before.grid.indices, indices, columns);
  if (!changed) return before;
  const decoded = await model.detokenize(tokens, { changed, previous: before.decoded, signal });
  return { grid, decoded, exact: false };
}

/**
 * What the readers of records share.
 *
 * @module
 */

import { show } from "../../hub/show.ts";
import type { TokenRecord, TokenSetInfo } from "../types.ts";

/** A file of records that is open. */
export interface StoredRecords {
  /** What the file says about all its records. */
  readonly info: Partial<TokenSetInfo>;
  /** Number of records, where it is known before they are read. */
  readonly count?: number;
  /** Whether the keys are from the file, not numbers given by the reader. */
  readonly hasKeys: boolean;
  /** The records in their order. They can be read once. */
  readonly records: AsyncIterable<TokenRecord>;
}

/** How a file of records is read. */
export interface RecordsContext {
  /** The beginning of messages: `Cannot read NAME`. */
  readonly task: string;
  /** Rows and columns of each picture's tokens, for files that do not say it. */
  readonly grid?: readonly [h: number, w: number];
}

/** Fewest digits of keys that are numbers. */
const MIN_DIGITS = 6;

/** The key of a record without one: its number, with zeros in front. */
export function numberKey(index: number): string {
  return `${index}`.padStart(MIN_DIGITS, "0");
}

/**
 * The grid of a record's indices.
 *
 * @param stored the grid that the file states
 * @throws {RangeError} if the number of indices is another, or no grid is known
 */
export function gridOf(
  { key, length, stored }: { key: string; length: number; stored?: readonly [h: number, w: number] },
  { task, grid }: RecordsContext,
): readonly [h: number, w: number] {
  const shape = stored ?? grid;
  if (!shape) {
    throw new RangeError(
      `${task}: the grid of the ${length} indices of ${
        show(key)
      } is ambiguous. Pass it: grid [h, w], on the command line ` +
        "--grid HxW",
    );
  }
  if (shape[0] * shape[1] !== length) {
    throw new RangeError(
      `${task}: a grid of ${shape.join("×")} takes ${shape[0] * shape[1]} indices, ${show(key)} has ${length}`,
    );
  }
  return shape;
}

/**
 * Reads the rows of columns of Parquet files.
 *
 * @module
 */

import type { ByteSource } from "../../../hub/mod.ts";
import { show } from "../../../hub/show.ts";
import { readPages } from "./column.ts";
import type { ColumnChunk } from "./footer.ts";
import type { Fail } from "./thrift.ts";

/** The integers of one row of a column of lists. */
export interface ListRow {
  /** All of them, in order. */
  readonly values: Int32Array;
  /** Number of lists in the row's list; for a list of integers, number of these. */
  readonly lists: number;
}

/** The values of a column of which each row has one; `undefined` where it is missing. */
export async function* readScalars(
  source: ByteSource,
  chunk: ColumnChunk,
  fail: Fail,
): AsyncGenerator<number | Uint8Array | undefined> {
  for await (const { count, definitions, values } of readPages(source, chunk, fail)) {
    for (let i = 0, next = 0; i < count; i++) {
      const isThere = !definitions || definitions[i] === chunk.column.maxDefinition;
      yield isThere ? values[next++] : undefined;
    }
  }
}

/** The lists of integers of a column, one for each row. A missing list is empty. */
export async function* readLists(source: ByteSource, chunk: ColumnChunk, fail: Fail): AsyncGenerator<ListRow> {
  const { maxDefinition, path } = chunk.column;
  let row: number[] | undefined;
  let lists = 0;
  let missing = 0;
  const finished = (): ListRow => {
    if (missing > 0 && row!.length + missing > 1) {
      throw fail(`column ${show(path)}: expected lists of integers, found one with a missing value`);
    }
    return { values: Int32Array.from(row!), lists };
  };
  for await (const { count, definitions, repetitions, values } of readPages(source, chunk, fail)) {
    for (let i = 0, next = 0; i < count; i++) {
      const level = repetitions?.[i] ?? 0;
      if (level === 0) {
        if (row) yield finished();
        [row, lists, missing] = [[], 0, 0];
      }
      if (!row) throw fail(`column ${show(path)}: expected a new list in the first row, found a continued one`);
      if (level <= 1) lists++;
      if (!definitions || definitions[i] === maxDefinition) row.push(values[next++] as number);
      else missing++;
    }
  }
  if (row) yield finished();
}

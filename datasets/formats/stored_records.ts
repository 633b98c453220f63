/**
 * What the readers of records share.
 *
 * @module
 */

import { WeightsError } from "../../hub/mod.ts";
import { reasonOf, show, showMessage } from "../../hub/show.ts";
import type { TokenRecord, TokenSetInfo } from "../types.ts";

/** A file of records that is open, as {@linkcode openRecords} opens it. */
export interface StoredRecords {
  /** What the file says about all its records. */
  readonly info: Partial<TokenSetInfo>;
  /** Number of records, where it is known before they are read. */
  readonly count?: number;
  /** Whether the keys are from the file, not numbers given by the reader. */
  readonly hasKeys: boolean;
  /** The records in their order. They can be read once. */
  readonly records: AsyncIterable<TokenRecord>;
  /** Closes the file. Closing twice is harmless. */
  close(): Promise<void>;
}

/** A record of a format that describes each record on its own. */
export interface StoredRecord {
  readonly record: TokenRecord;
  /** Whether its key is from the file, not a number. */
  readonly hasKey: boolean;
  readonly info: Partial<TokenSetInfo>;
}

/** A record that cannot be read. */
export interface RecordFailure {
  /** Its key, or where it is in its file. */
  readonly key: string;
  /** Why it cannot be read. */
  readonly reason: string;
}

/** How a file of records is read. */
export interface RecordsContext {
  /** The name of the file, for messages. */
  readonly name: string;
  /** The beginning of messages: `Cannot read tokens from NAME`. */
  readonly task: string;
  /** Rows and columns of each picture's tokens, for files that do not say it. */
  readonly grid?: readonly [h: number, w: number];
  /** Called for a record that cannot be read, and is skipped; without it, the error ends the reading. */
  readonly onFailure?: (failure: RecordFailure) => void;
}

/**
 * Reports that a record cannot be read.
 *
 * @throws the error if it is not to be reported, or no record's
 */
export function skipRecord({ onFailure }: RecordsContext, key: string, error: unknown): undefined {
  const isOfRecord = error instanceof TypeError || error instanceof RangeError || error instanceof WeightsError;
  if (!onFailure || !isOfRecord) throw error;
  onFailure({ key, reason: showMessage(reasonOf(error)) });
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

/**
 * Opens records that are each described on their own. What the first one says is taken to hold for all.
 *
 * @throws {TypeError} while they are read, if one belongs to another codebook
 */
export async function openStream(
  stored: AsyncGenerator<StoredRecord>,
  context: RecordsContext,
): Promise<StoredRecords> {
  const first = await stored.next();
  const { info, hasKey }: Omit<StoredRecord, "record"> = first.done ? { info: {}, hasKey: true } : first.value;

  async function* records(): AsyncGenerator<TokenRecord> {
    if (first.done) return;
    yield first.value.record;
    for await (const { record, info: { codebook } } of stored) {
      if (codebook !== info.codebook) {
        const expected = `expected tokens of codebook ${show(info.codebook)}`;
        const found = `those of ${show(record.key)} belong to ${show(codebook)}`;
        skipRecord(context, record.key, new TypeError(`${context.task}: ${expected}, ${found}`));
      } else yield record;
    }
  }
  return { info, hasKeys: hasKey, records: records(), close: async () => void await stored.return(undefined) };
}

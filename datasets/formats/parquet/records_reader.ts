/**
 * Reads tokens from Parquet files.
 *
 * The reader of Parquet files is ours. npm:hyparquet believes counts in pages: a run that claims 2^30 values exhausts the
 * memory, and a block of -1 differences, or a Snappy literal of 2^32 - 16 bytes, never ends.
 *
 * @module
 */

import type { ByteSource } from "../../../hub/mod.ts";
import { show } from "../../../hub/show.ts";
import type { TokenRecord } from "../../types.ts";
import { checkFields, definedOf, infoOf } from "../record_fields.ts";
import { gridOf, numberKey, type RecordsContext, skipRecord, type StoredRecords } from "../stored_records.ts";
import { type ParquetColumn, readFooter, type RowGroup } from "./footer.ts";
import { type ListRow, readLists, readScalars } from "./rows.ts";
import type { Fail } from "./thrift.ts";

/** Columns of indices, the most usual first. */
const INDEX_COLUMNS = ["indices", "tokens"];
const KEY_COLUMNS = ["key", "__key__"];

/** The columns of a file that records are made of, by field. */
type RecordColumns = Readonly<Record<string, ParquetColumn>>;

/**
 * Opens the records of a Parquet file: a column `indices` or `tokens`, or the only one, of lists of integers, nested or with a
 * column `shape`; and, where they are there, `key`, `width`, `height`, `sha256` and `augment`. One row group is in memory at a
 * time.
 */
export async function openParquetRecords(source: ByteSource, context: RecordsContext): Promise<StoredRecords> {
  const fail: Fail = (problem) => new TypeError(`${context.task}: ${problem}`);
  const footer = await readFooter(source, fail);
  const columns = chooseColumns([...footer.columns.values()], fail);
  const dtype = columns.indices.type === "INT64" ? "int64" : "int32";
  return {
    info: { dtype, ...infoOf(Object.fromEntries(footer.metadata)) },
    count: footer.rows,
    hasKeys: columns.key !== undefined,
    records: readRecords(source, footer.groups, columns, { ...context, fail }),
    close: () => source.close(),
  };
}

async function* readRecords(
  source: ByteSource,
  groups: readonly RowGroup[],
  columns: RecordColumns,
  context: RecordsContext & { fail: Fail },
): AsyncGenerator<TokenRecord> {
  let number = 0;
  for (const group of groups) {
    for await (const { indices, shape, ...others } of readRows(source, group, columns, context.fail)) {
      const { values, lists } = indices as ListRow;
      const nested = columns.indices.maxRepetition > 1 ? [lists, values.length / lists] : undefined;
      const sides = Array.from((shape as ListRow | undefined)?.values ?? []);
      const { key = numberKey(number), ...fields } = checkFields(
        { ...others, shape: sides.length > 0 ? sides : nested },
        context.task,
      );
      number++;
      let grid: TokenRecord["shape"];
      try {
        grid = gridOf({ key, length: values.length, stored: fields.shape }, context);
      } catch (error) {
        skipRecord(context, key, error);
        continue;
      }
      yield { ...fields, key, indices: values, shape: grid };
    }
  }
}

/** The values of some columns of a row group, row by row; bytes as text. */
async function* readRows(
  source: ByteSource,
  { chunks, rows }: RowGroup,
  columns: RecordColumns,
  fail: Fail,
): AsyncGenerator<Record<string, unknown>> {
  const readers = Object.entries(columns).map(([name, column]) => {
    const chunk = chunks.get(column.path);
    if (!chunk) throw fail(`expected column ${show(column.path)} in every row group, found one without it`);
    return [name, (isList(column) ? readLists : readScalars)(source, chunk, fail)] as const;
  });
  for (let row = 0; row < rows; row++) {
    const values: Record<string, unknown> = {};
    for (const [name, reader] of readers) {
      const { done, value } = await reader.next();
      if (done) throw fail(`expected ${rows} values of column ${show(name)} in a row group, found ${row}`);
      values[name] = value instanceof Uint8Array ? new TextDecoder().decode(value) : value;
    }
    yield values;
  }
}

function chooseColumns(columns: readonly ParquetColumn[], fail: Fail): RecordColumns {
  const lists = columns.filter((column) => isList(column) && column.type?.startsWith("INT"));
  const [shape, others] = [lists.find(isNamed("shape")), lists.filter((column) => !isNamed("shape")(column))];
  const named = INDEX_COLUMNS.map((name) => others.find(isNamed(name))).find((found) => found);
  const indices = named ?? (others.length === 1 ? others[0] : undefined);
  if (!indices) {
    const found = columns.map(({ path }) => path);
    throw fail(`expected a column indices of lists of integers, or one such column, found the columns ${show(found)}`);
  }
  const scalar = (name: string) => columns.find((column) => column.type && !isList(column) && column.path === name);
  const key = KEY_COLUMNS.map(scalar).find((found) => found);
  const fields = {
    width: scalar("width"),
    height: scalar("height"),
    sha256: scalar("sha256"),
    augment: scalar("augment"),
  };
  return definedOf({ indices, shape, key, ...fields }) as RecordColumns;
}

function isList({ maxRepetition }: ParquetColumn): boolean {
  return maxRepetition > 0;
}

/** Whether a column, such as `indices.list.element`, has a name. */
function isNamed(name: string): (column: ParquetColumn) => boolean {
  return ({ path }) => path === name || path.startsWith(`${name}.`);
}

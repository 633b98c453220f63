/**
 * Pictures in Parquet files of Hugging Face data sets.
 *
 * @module
 */

import type { ByteSource } from "../../../hub/mod.ts";
import { show, showText } from "../../../hub/show.ts";
import type { DatasetPicture } from "../../types.ts";
import { splitName } from "../names.ts";
import { type ParquetColumn, type ParquetFooter, readFooter, type RowGroup } from "./footer.ts";
import { readScalars } from "./rows.ts";

/** Options of {@linkcode picturesOfParquet}. */
export interface ParquetPicturesOptions {
  /**
   * The column with the pictures: of a struct `{bytes, path}`, as Hugging Face data sets have, or of bytes. Default: `image`,
   * `img`, `picture`, `jpg`, `jpeg`, `png` or `webp`, else the only one of such a type.
   */
  column?: string;
}

/** Names of columns of pictures, the most usual ones first. */
const PICTURE_COLUMNS = ["image", "img", "picture", "jpg", "jpeg", "png", "webp"];
/** Columns of keys, where the pictures have no path. */
const KEY_COLUMNS = ["__key__", "key"];

/**
 * Reads the pictures of a Parquet file, one row group at a time. A picture's key is its path without the extension; without a
 * path, or if another picture has the same, it is the number of its row, as in `0042`, or ends with it.
 *
 * @param source the file, of which only the columns with pictures and paths are read
 * @throws {TypeError} if the file is damaged, or it is not clear which column has the pictures
 * @throws {RangeError} if a number in it is out of range
 */
export async function* picturesOfParquet(
  source: ByteSource,
  { column }: ParquetPicturesOptions = {},
): AsyncGenerator<DatasetPicture> {
  const fail = failureOf(source.name);
  const footer = await readFooter(source, fail);
  const { bytes, path } = choosePictures(footer, column, fail);
  const digits = `${Math.max(0, footer.rows - 1)}`.length;
  const keys = new Set<string>();
  let row = 0;
  for (const group of footer.groups) {
    const paths = path && readScalars(source, chunkIn(group, path), fail);
    let rows = 0;
    for await (const picture of readScalars(source, chunkIn(group, bytes), fail)) {
      const number = `${row++}`.padStart(digits, "0");
      const stored = (await paths?.next())?.value;
      const name = stored instanceof Uint8Array ? new TextDecoder().decode(stored) : "";
      const key = freeKey(splitName(name).key, number, keys);
      keys.add(key);
      yield { key, name: `${source.name}/${name || number}`, bytes: () => copyOf(picture, row) };
      rows++;
    }
    if (rows !== group.rows) throw fail(`expected ${group.rows} pictures in a row group, found ${rows}`);
  }

  // deno-lint-ignore require-await -- an error is a rejection
  async function copyOf(picture: unknown, row: number): Promise<Uint8Array<ArrayBuffer>> {
    if (picture instanceof Uint8Array) return picture.slice();
    throw fail(`expected the bytes of a picture in row ${row - 1}, found none`);
  }
}

/** Number of rows of a Parquet file. Only its footer is read. */
export async function countParquetRows(source: ByteSource): Promise<number> {
  return (await readFooter(source, failureOf(source.name))).rows;
}

/** Makes the errors for a damaged file. */
export function failureOf(name: string): (problem: string) => TypeError {
  return (problem) => new TypeError(`Cannot read ${showText(name)}: ${problem}`);
}

/** A column of a row group. */
export function chunkIn(group: RowGroup, { path }: ParquetColumn) {
  return group.chunks.get(path)!;
}

function choosePictures(
  { columns, groups }: ParquetFooter,
  wanted: string | undefined,
  fail: (problem: string) => TypeError,
): { bytes: ParquetColumn; path?: ParquetColumn } {
  const isPictures = ({ type, isText, maxRepetition }: ParquetColumn) =>
    type === "BYTE_ARRAY" && !isText && maxRepetition === 0;
  const all = [...columns.values()].filter(isPictures);
  const named = (name: string) => all.find(({ path }) => path === name || path === `${name}.bytes`);
  const bytes = wanted !== undefined
    ? named(wanted)
    : PICTURE_COLUMNS.map(named).find((found) => found) ?? (all.length === 1 ? all[0] : undefined);
  if (!bytes) {
    throw fail(
      `expected a column ${show(wanted ?? "image")} of pictures, {bytes, path} or bytes, found ${
        show([...columns.keys()])
      }; name the column`,
    );
  }
  const paths = [bytes.path.replace(/bytes$/, "path"), ...KEY_COLUMNS].map((name) => columns.get(name));
  const path = paths.find((found) => found?.type === "BYTE_ARRAY" && found !== bytes && found.maxRepetition === 0);
  for (const column of path ? [bytes, path] : [bytes]) {
    if (!groups.every(({ chunks }) => chunks.has(column.path))) {
      throw fail(`expected column ${show(column.path)} in every row group, found one without it`);
    }
  }
  return { bytes, path };
}

function freeKey(key: string, number: string, taken: ReadonlySet<string>): string {
  if (key === "") return freeKey(number, number, taken);
  return taken.has(key) ? freeKey(`${key}_${number}`, number, taken) : key;
}

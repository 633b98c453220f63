/**
 * Shards that are archives: WebDataset's `.tar`, and the Parquet files of Hugging Face data sets.
 *
 * @module
 */

import { createReadStream } from "node:fs";
import { type HubAccess, openFile, openUrl, streamUrl } from "../../hub/mod.ts";
import { countParquetRows, picturesOfParquet } from "../formats/parquet/pictures.ts";
import { picturesOfTar } from "../formats/tar_pictures.ts";
import type { DatasetPicture, DatasetShard } from "../types.ts";
import { type InputFile, isUrl } from "./input_file.ts";

/** Extensions of archives. */
const ARCHIVE = /\.(tar|tar\.gz|tgz|parquet)$/i;

/** Bytes of a local archive that are read at a time. */
const CHUNK_BYTES = 1 << 20;

/** Whether a path or URL is that of an archive of pictures. */
export function isArchive(address: string): boolean {
  return ARCHIVE.test(pathOf(address));
}

/** The name of an archive without its extension. */
export function archiveName({ name }: InputFile): string {
  return name.split("/").at(-1)!.replace(ARCHIVE, "");
}

/** The shard of an archive, which is read as a stream. Only Parquet files on a disk say at once how many pictures they have. */
export async function archiveShard(
  { address, size }: InputFile,
  name: string,
  access: HubAccess,
): Promise<DatasetShard> {
  const isParquet = /\.parquet$/i.test(pathOf(address));
  return {
    name,
    address,
    pictures: isParquet && !isUrl(address) ? await countRows(address) : undefined,
    fingerprint: size === undefined ? undefined : `${size} bytes`,
    open: (signal) => (isParquet ? openParquet : openTar)(address, { ...access, signal: signal ?? access.signal }),
  };
}

function openTar(address: string, access: HubAccess): AsyncIterable<DatasetPicture> {
  const { signal } = access;
  const chunks = isUrl(address)
    ? streamUrl(address, access)
    : createReadStream(address, { highWaterMark: CHUNK_BYTES, signal });
  return picturesOfTar(chunks, address);
}

async function* openParquet(address: string, access: HubAccess): AsyncGenerator<DatasetPicture> {
  const file = isUrl(address) ? await openUrl(address, access) : await openFile(address);
  try {
    yield* picturesOfParquet(file);
  } finally {
    await file.close();
  }
}

/** The number of rows of a Parquet file; `undefined` if it cannot be read, which is reported when its pictures are. */
async function countRows(path: string): Promise<number | undefined> {
  const file = await openFile(path).catch(() => undefined);
  try {
    return file && await countParquetRows(file).catch(() => undefined);
  } finally {
    await file?.close();
  }
}

/** The path of an address; a URL may have a query. */
function pathOf(address: string): string {
  return isUrl(address) && URL.canParse(address) ? new URL(address).pathname : address;
}

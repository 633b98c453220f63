/**
 * Tokens in WebDataset's tar archives: `KEY.npy` and `KEY.json` for each picture.
 *
 * @module
 */

import { encodeNpyHeader, integersToBytes, numpyType } from "../../hub/mod.ts";
import type { TokenRecord, TokenSetInfo } from "../types.ts";
import { concatBytes } from "./byte_stream.ts";
import { fieldsOf } from "./record_fields.ts";
import { encodeTar, type TarFile } from "./tar.ts";

/**
 * Writes records as WebDataset's tar archive: `KEY.npy` with an array `[h, w]`, and `KEY.json` with `key`, `shape`, `width`,
 * `height`, `sha256`, `augment`, `model` and `codebook`, as far as they are known.
 */
export function encodeTarRecords(
  records: AsyncIterable<TokenRecord>,
  info: TokenSetInfo,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  return encodeTar(filesOf(records, info));
}

async function* filesOf(records: AsyncIterable<TokenRecord>, info: TokenSetInfo): AsyncGenerator<TarFile> {
  for await (const record of records) {
    const { key, indices, shape } = record;
    const header = encodeNpyHeader({ descr: numpyType(info.dtype), shape });
    yield { name: `${key}.npy`, bytes: concatBytes([header, integersToBytes(indices, info.dtype)]) };
    yield { name: `${key}.json`, bytes: new TextEncoder().encode(JSON.stringify(fieldsOf(record, info))) };
  }
}

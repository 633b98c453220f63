/**
 * Reads tokens from files of one array: `.npy`, `.npz`, `.safetensors`, `.pt` and JSON.
 *
 * @module
 */

import { openTokens, type TokenFormat } from "../../mod.ts";
import type { ByteSource } from "../../hub/mod.ts";
import type { TokenRecord } from "../types.ts";
import { definedOf } from "./record_fields.ts";
import { numberKey, type RecordsContext, type StoredRecords } from "./stored_records.ts";

/** About how many indices are read at once. */
const MAX_INDICES = 2 ** 20;

/** Opens the records of a file of one array. */
export async function openArrayRecords(
  source: ByteSource,
  format: TokenFormat | undefined,
  { name, grid }: RecordsContext,
): Promise<StoredRecords> {
  const { shape: [n, h, w], dtype, codebook, keys, read } = await openTokens(source, { format, grid, name });

  async function* records(): AsyncGenerator<TokenRecord> {
    const pictures = Math.max(1, Math.floor(MAX_INDICES / (h * w)));
    for (let begin = 0; begin < n; begin += pictures) {
      const end = Math.min(begin + pictures, n);
      const indices = await read(begin, end);
      for (let i = begin; i < end; i++) {
        const own = indices.slice((i - begin) * h * w, (i - begin + 1) * h * w);
        yield { key: keys?.[i] ?? numberKey(i), indices: own, shape: [h, w] };
      }
    }
  }
  const info = definedOf({ dtype, model: codebook?.model, codebook: codebook?.hash });
  return { info, count: n, hasKeys: keys !== undefined, records: records(), close: () => source.close() };
}

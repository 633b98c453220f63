/**
 * Writes tokens of pictures of one size as one array: `.npy`, `.npz` and `.safetensors` files.
 *
 * @module
 */

import {
  encodeNpyHeader,
  encodeNpyTexts,
  encodeSafetensorsHeader,
  INTEGER_TYPES,
  integersToBytes,
  numpyType,
} from "../../hub/mod.ts";
import { show } from "../../hub/show.ts";
import type { TokenRecord, TokenSetInfo } from "../types.ts";
import { infoFields } from "./record_fields.ts";
import { openSpool, type Spool } from "./spool.ts";

/** The formats of one array. */
export type ArrayFormat = "npy" | "npz" | "safetensors";

/** All records: their indices, and what is written in front of them or behind. */
interface RecordArray {
  readonly spool: Spool;
  readonly keys: readonly string[];
  readonly shape: readonly [n: number, h: number, w: number];
  readonly info: TokenSetInfo;
}

/** Largest file of an `.npz` archive, whose sizes have 32 bits. */
const MAX_ZIP_BYTES = 2 ** 32 - 2 ** 16;
/** The time of files in `.npz` archives, which makes the same tokens the same bytes. */
const ZIP_TIME = new Date(1980, 0, 1);

type Chunks = AsyncGenerator<Uint8Array<ArrayBuffer>>;

const WRITERS: Readonly<Record<ArrayFormat, (array: RecordArray) => Chunks>> = {
  npy: writeNpy,
  npz: writeNpz,
  safetensors: writeSafetensors,
};

/**
 * Writes records as an array `indices` of shape `[n, h, w]`. Also stored are the keys, in `.npz` as an array `keys`, in
 * `.safetensors` as a JSON list in the metadata, and the model and codebook; `.npy` holds only the array. The indices are
 * kept until their number is known, up to 64 MiB in memory and more in a temporary file.
 *
 * @throws {RangeError} if records have different shapes, or the type of the numbers cannot hold an index
 */
export async function* encodeArrayRecords(
  records: AsyncIterable<TokenRecord>,
  format: ArrayFormat,
  info: TokenSetInfo,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const spool = openSpool();
  try {
    const keys: string[] = [];
    const checkShape = shapeCheck(format);
    let grid: TokenRecord["shape"] | undefined;
    for await (const { key, indices, shape } of records) {
      checkShape({ key, shape });
      grid = shape;
      keys.push(key);
      await spool.write(integersToBytes(indices, info.dtype));
    }
    yield* WRITERS[format]({ spool, keys, shape: [keys.length, ...grid ?? [0, 0] as const], info });
  } finally {
    await spool.close();
  }
}

/** Makes a function that throws a `RangeError` for records of another shape than the first one. */
export function shapeCheck(format: ArrayFormat): (record: Pick<TokenRecord, "key" | "shape">) => void {
  let grid: TokenRecord["shape"] | undefined;
  return ({ key, shape }) => {
    grid ??= shape;
    if (`${shape}` === `${grid}`) return;
    const [expected, found] = [grid, shape].map((sides) => sides.join("×"));
    throw new RangeError(
      `Cannot write tokens as ${format}: expected ${expected} tokens of each picture, found ${found} of ${
        show(key)
      }. ` +
        "Write pictures of different sizes as tar, parquet or jsonl",
    );
  };
}

/** Whether a format holds one array, of pictures of one size. */
export function isArrayFormat(format: string): format is ArrayFormat {
  return Object.hasOwn(WRITERS, format);
}

async function* writeNpy({ spool, shape, info }: RecordArray): Chunks {
  yield encodeNpyHeader({ descr: numpyType(info.dtype), shape });
  yield* spool.read();
}

async function* writeSafetensors({ spool, keys, shape, info }: RecordArray): Chunks {
  const tensor = { name: "indices", dtype: INTEGER_TYPES[info.dtype].safetensors, shape };
  yield encodeSafetensorsHeader([tensor], { format: "pt", ...infoFields(info), keys: JSON.stringify(keys) });
  yield* spool.read();
}

async function* writeNpz(array: RecordArray): Chunks {
  const { spool, keys, info } = array;
  if (spool.size > MAX_ZIP_BYTES) {
    throw new RangeError(
      `Cannot write tokens as npz: expected at most ${MAX_ZIP_BYTES} bytes, found ${spool.size}. Write them as npy`,
    );
  }
  const { Zip, ZipPassThrough } = await import("fflate");
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const zip = new Zip((error, part) => {
    if (error) throw error;
    parts.push(part as Uint8Array<ArrayBuffer>);
  });
  const { model, codebook } = infoFields(info);
  yield* add("indices", writeNpy(array));
  if (model) yield* add("model", [encodeNpyTexts(model)]);
  if (codebook) yield* add("codebook", [encodeNpyTexts(codebook)]);
  yield* add("keys", [encodeNpyTexts(keys)]);
  zip.end();
  yield* parts;

  async function* add(name: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Chunks {
    const file = Object.assign(new ZipPassThrough(`${name}.npy`), { mtime: ZIP_TIME });
    zip.add(file);
    for await (const chunk of chunks) {
      file.push(chunk);
      yield* parts.splice(0);
    }
    file.push(new Uint8Array(), true);
    yield* parts.splice(0);
  }
}

/**
 * Archives of pictures, and files of tokens of many pictures.
 *
 * @module
 */

import { decodeRecords, picturesOfParquet, picturesOfTar } from "../../../datasets/mod.ts";
import { sourceOfBytes } from "../../../hub/mod.ts";
import { type Bytes, mutateBytes } from "../mutations/bytes.ts";
import { mutateTar } from "../mutations/tar.ts";
import { fixtures, type Target } from "./target.ts";

const archives = fixtures(".tar", "datasets");
const tables = fixtures(".parquet", "parquet");

/** Readers of pictures and of tokens, by format. */
export const datasetTargets: readonly Target[] = [
  {
    name: "dataset/tar of pictures",
    extension: "tar",
    samples: archives,
    mutate: mutateTar,
    read: (bytes) => readPictures(picturesOfTar(streamOf(bytes), "pictures.tar")),
  },
  {
    name: "dataset/parquet of pictures",
    extension: "parquet",
    samples: tables,
    mutate: mutateBytes,
    read: (bytes) => readPictures(picturesOfParquet(sourceOfBytes(bytes, "pictures.parquet"))),
  },
  { name: "dataset/tar", extension: "tar", samples: archives, mutate: mutateTar, read: readRecords("tar") },
  { name: "dataset/parquet", extension: "parquet", samples: tables, mutate: mutateBytes, read: readRecords("parquet") },
  {
    name: "dataset/jsonl",
    extension: "jsonl",
    samples: fixtures(".jsonl", "datasets"),
    mutate: mutateBytes,
    read: readRecords("jsonl"),
  },
];

async function readPictures(pictures: AsyncIterable<{ bytes(): Promise<unknown> }>): Promise<void> {
  for await (const { bytes } of pictures) await bytes();
}

function readRecords(format: "tar" | "parquet" | "jsonl"): Target["read"] {
  return (bytes) => Array.fromAsync(decodeRecords(bytes, { format }));
}

async function* streamOf(bytes: Bytes): AsyncGenerator<Bytes> {
  yield await Promise.resolve(bytes);
}

/**
 * Opens the weights of a model in any supported format.
 *
 * @module
 */

import type { ByteSource } from "./byte_source.ts";
import { WeightsError } from "../errors.ts";
import { MAX_JSON_SIZE, parseJson } from "./json.ts";
import { openSafetensors } from "./safetensors.ts";
import { openShards, parseShardIndex } from "./shards.ts";
import type { TensorSource } from "./tensor_source.ts";
import { openTorch } from "./torch/open.ts";

/**
 * Opens the bytes of a file by its name.
 *
 * @param isPart whether only a part of the file will be read
 */
export type OpenBytes = (file: string, isPart: boolean) => Promise<ByteSource>;

/**
 * Opens the tensors of a weight file, or of all shards if the file is their index (`….json`).
 *
 * @param file name of the weight file, whose ending says its format, or of the index of its shards
 * @param open opens the bytes of `file`, and of each shard by its name
 * @param choose chooses the needed tensors among the names in an index: shards that hold none of them are not opened, and
 * of the others only a part is read; by default all
 * @throws {WeightsError} if a file is missing or damaged
 */
export async function openWeights(
  file: string,
  open: OpenBytes,
  choose?: (tensors: readonly string[]) => readonly string[],
): Promise<TensorSource> {
  if (!file.endsWith(".json")) return await openTensorFile(file, await open(file, false));
  const files = await readIndex(await open(file, false));
  const needed = choose?.([...files.keys()]) ?? [...files.keys()];
  const isPart = needed.length < files.size;
  const shards = new Set(needed.map((tensor) => files.get(tensor)!));
  const opened = new Map([...files].filter(([, shard]) => shards.has(shard)));
  const openShard = async (shard: string) => await openTensorFile(shard, await open(shard, isPart));
  const source = await openShards(opened, file, openShard);
  return { ...source, unopened: [...files.keys()].filter((tensor) => !opened.has(tensor)) };
}

async function readIndex(source: ByteSource): Promise<Map<string, string>> {
  const { name, size } = source;
  try {
    if (size > MAX_JSON_SIZE) {
      throw new WeightsError(`Cannot read ${name}: expected at most ${MAX_JSON_SIZE} bytes, found ${size}`);
    }
    return parseShardIndex(parseJson(await source.read(0, size), `Cannot read ${name}`, WeightsError), name);
  } finally {
    await source.close();
  }
}

async function openTensorFile(file: string, source: ByteSource): Promise<TensorSource> {
  try {
    await refusePointer(source);
    return /\.(bin|ckpt|pt|pth)$/.test(file) ? await openTorch(source) : await openSafetensors(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** Refuses the text that git checks out instead of a file if Git LFS is not installed. */
async function refusePointer(source: ByteSource): Promise<void> {
  const start = "version https://git-lfs";
  const found = await source.read(0, Math.min(start.length, source.size));
  if (new TextDecoder().decode(found) === start) {
    throw new WeightsError(`Cannot read ${source.name}: it is a Git LFS pointer, not the file. Run: git lfs pull`);
  }
}

/**
 * Reads weights in several files, or shards, and the index that lists the file of each tensor.
 *
 * @module
 */

import { WeightsError } from "../errors.ts";
import { isObject } from "./json.ts";
import { isPlainFileName } from "../system/paths.ts";
import { reasonOf, show, showText } from "../show.ts";
import { noSuchTensor, type TensorInfo, type TensorSource } from "./tensor_source.ts";

/** All shards are opened at once; the largest models have a few hundred. */
const MAX_SHARDS = 1000;

/**
 * Reads the file of each tensor from an index.
 *
 * @param index the parsed index, `{ "weight_map": { "TENSOR": "FILE" } }`
 * @param name name of the index in messages
 * @throws {WeightsError} if the index is not valid, or a file is not directly beside it
 */
export function parseShardIndex(index: unknown, name: string): Map<string, string> {
  const files = isObject(index) ? index.weight_map : undefined;
  if (!isObject(files)) throw new WeightsError(`Cannot read ${name}: expected an object weight_map in it`);
  for (const [tensor, file] of Object.entries(files)) {
    if (typeof file !== "string" || !isPlainFileName(file)) {
      throw new WeightsError(
        `Cannot read ${name}: expected the name of a file beside it for tensor ${showText(tensor)}, found ${
          show(file)
        }`,
      );
    }
  }
  const shards = new Set(Object.values(files)).size;
  if (shards > MAX_SHARDS) {
    throw new WeightsError(`Cannot read ${name}: expected at most ${MAX_SHARDS} files, found ${shards}`);
  }
  return new Map(Object.entries(files) as [string, string][]);
}

/**
 * Opens the tensors of all shards as one source. As in Diffusers, it includes tensors that the index does not list.
 *
 * @param files the file of each tensor, from {@linkcode parseShardIndex}
 * @param name name of the index in messages
 * @param openShard opens one file; all are opened at once
 * @throws {WeightsError} if a shard cannot be opened or lacks a tensor, or two shards hold the same one
 */
export async function openShards(
  files: ReadonlyMap<string, string>,
  name: string,
  openShard: (file: string) => Promise<TensorSource>,
): Promise<TensorSource> {
  const names = [...new Set(files.values())];
  const opening = names.map((file) =>
    openShard(file).catch((cause) => {
      throw openingFailed(cause, file, name);
    })
  );
  const close = async () => {
    for (const opened of await Promise.allSettled(opening)) {
      if (opened.status === "fulfilled") await opened.value.close();
    }
  };
  try {
    const opened = await Promise.all(opening);
    const shards = new Map(names.map((file, i) => [file, opened[i]]));
    for (const [tensor, file] of files) {
      if (!shards.get(file)!.tensors.has(tensor)) {
        throw new WeightsError(
          `Cannot use shard ${showText(file)}: it lacks tensor ${showText(tensor)}, which ${name} says it holds`,
        );
      }
    }
    return merge(shards, name, close);
  } catch (error) {
    await close();
    throw error;
  }
}

/** Adds the names of the file and of the index to an error about a file; other errors, such as of requests, stay. */
function openingFailed(cause: unknown, file: string, name: string): unknown {
  if (!(cause instanceof WeightsError)) return cause;
  return new WeightsError(`Cannot use shard ${showText(file)}, which ${name} names: ${reasonOf(cause)}`, { cause });
}

function merge(shards: ReadonlyMap<string, TensorSource>, name: string, close: () => Promise<void>): TensorSource {
  const tensors = new Map<string, TensorInfo>();
  const owners = new Map<string, string>();
  for (const [file, shard] of shards) {
    for (const [tensor, info] of shard.tensors) {
      const other = owners.get(tensor);
      if (other !== undefined) {
        throw new WeightsError(
          `Cannot use the shards that ${name} names: ${showText(other)} and ${showText(file)} both hold tensor ${
            showText(tensor)
          }`,
        );
      }
      owners.set(tensor, file);
      tensors.set(tensor, info);
    }
  }
  const ownerOf = (tensor: string) => {
    const owner = owners.get(tensor);
    if (owner === undefined) throw noSuchTensor(tensor, name);
    return shards.get(owner)!;
  };
  return {
    tensors,
    read: async (tensor) => await ownerOf(tensor).read(tensor),
    stored: (tensor) => ownerOf(tensor).stored?.(tensor),
    expect(names) {
      const expected = [...names];
      for (const shard of shards.values()) shard.expect?.(expected.filter((tensor) => shard.tensors.has(tensor)));
    },
    close,
  };
}

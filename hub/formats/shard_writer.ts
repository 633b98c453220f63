/**
 * Writes the weights of a model to one file, or to shards.
 *
 * @module
 */

import { join } from "../system/file_paths.ts";
import { WeightsError } from "../errors.ts";
import { writeSynced } from "../system/atomic_write.ts";
import { bytesOf, type TensorToWrite, writeSafetensors } from "./safetensors_writer.ts";
import { reasonOf, show } from "../show.ts";

const STEM = "diffusion_pytorch_model";
const SINGLE_NAME = `${STEM}.safetensors`;
const INDEX_NAME = `${STEM}.safetensors.index.json`;
const ANY_NAME = /^diffusion_pytorch_model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/;

const UNITS: Readonly<Record<string, number>> = { "": 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** The tensors of one file. */
export interface Shard {
  readonly file: string;
  readonly tensors: TensorToWrite[];
}

/**
 * Writes tensors into an empty folder under the names that Diffusers looks for: `diffusion_pytorch_model.safetensors`, or
 * shards `diffusion_pytorch_model-00001-of-00002.safetensors` and the index
 * `diffusion_pytorch_model.safetensors.index.json`.
 *
 * @param shardSize most bytes of tensors in a file
 * @throws {WeightsError} if a file cannot be written
 */
export async function writeWeights(
  folder: string,
  tensors: Iterable<TensorToWrite>,
  shardSize: number,
): Promise<void> {
  const shards = planShards(tensors, shardSize);
  for (const { file, tensors } of shards) await writeSafetensors(join(folder, file), tensors);

  if (shards.length > 1) await writeIndex(join(folder, INDEX_NAME), shards);
}

/** Whether a file's name is one that {@linkcode writeWeights} gives. */
export function isWeightsName(name: string): boolean {
  return ANY_NAME.test(name);
}

/**
 * Distributes tensors over files as `huggingface_hub` does: in order, starting a new file when the next tensor does not
 * fit. A tensor larger than a shard gets a file of its own.
 */
export function planShards(tensors: Iterable<TensorToWrite>, shardSize: number): Shard[] {
  const groups: TensorToWrite[][] = [];
  let current: TensorToWrite[] = [];
  let room = shardSize;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor);
    if (bytes > shardSize) {
      groups.push([tensor]);
      continue;
    }
    if (bytes > room) {
      groups.push(current);
      [current, room] = [[], shardSize];
    }
    current.push(tensor);
    room -= bytes;
  }
  if (current.length > 0 || groups.length === 0) groups.push(current);

  if (groups.length === 1) return [{ file: SINGLE_NAME, tensors: groups[0] }];
  const digits = (number: number) => String(number).padStart(5, "0");
  return groups.map((tensors, i) => ({
    file: `${STEM}-${digits(i + 1)}-of-${digits(groups.length)}.safetensors`,
    tensors,
  }));
}

/** Writes the index, which lists the file of each tensor. */
async function writeIndex(path: string, shards: readonly Shard[]): Promise<void> {
  const size = shards.flatMap(({ tensors }) => tensors).reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  const places = shards.flatMap(({ file, tensors }) => tensors.map(({ name }) => [name, file] as const));
  places.sort(([a], [b]) => a < b ? -1 : 1);
  const index = { metadata: { total_size: size }, weight_map: Object.fromEntries(places) };
  try {
    await writeSynced(path, JSON.stringify(index, null, 2) + "\n");
  } catch (cause) {
    throw new WeightsError(`Cannot write ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Parses a number of bytes or a text such as `"5GB"`. Units are powers of 1000, as in Diffusers.
 *
 * @throws {RangeError} if it is neither
 */
export function parseSize(size: number | string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT]B|)$/i.exec(String(size).trim()) ?? [];
  const bytes = Number(number) * UNITS[unit?.toUpperCase()];
  if (bytes > 0) return bytes;
  throw new RangeError(`Cannot use maxShardSize ${show(size)}: expected bytes, or a text like "5GB"`);
}

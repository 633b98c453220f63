/**
 * Saves models in local directories.
 *
 * @module
 */

import { mkdir } from "../system/files.ts";
import { join } from "../system/file_paths.ts";
import { HubError } from "../errors.ts";
import { reasonOf } from "../show.ts";
import { exchangeModel } from "./exchange.ts";
import { directoryPath } from "./local.ts";
import { CONFIG_NAME } from "./model_files.ts";
import { checkOptions, type OptionNames } from "../check_options.ts";
import { writeSynced } from "../system/atomic_write.ts";
import type { TensorToWrite } from "../formats/safetensors_writer.ts";
import { isWeightsName, parseSize, writeWeights } from "../formats/shard_writer.ts";

/** Options of {@linkcode saveLocalModel}. */
export interface SaveOptions {
  /**
   * Largest size of a weight file, in bytes or as a text like `"5GB"`. Larger weights are saved as shards with an index. By
   * default `"10GB"`.
   */
  maxShardSize?: number | string;
}

/** The names of {@linkcode SaveOptions}. */
export const SAVE_OPTIONS: OptionNames<SaveOptions> = { maxShardSize: true };

/**
 * Saves `config.json` and `diffusion_pytorch_model.safetensors`, or its shards and their index. An existing model stays
 * until the new one is complete. Whenever the process ends, the directory contains the old model, the new one, or a
 * `config.json` that every loader refuses; leftovers of earlier processes are removed. Concurrent saves wait for each other.
 *
 * Upstream: `diffusers.ModelMixin.save_pretrained`.
 *
 * @param directory a path, in which a leading `~` is the home folder, or a `file:` URL; created if it does not exist
 * @param config the text of `config.json`
 * @param tensors the weights; `data` is called for one tensor at a time
 * @throws {TypeError} if an option is unknown
 * @throws {RangeError} if `maxShardSize` is not a size
 * @throws {HubError} if the directory cannot be written to, or another process took over while this one was suspended
 * @throws {WeightsError} if the weights cannot be written
 */
export async function saveLocalModel(
  directory: string | URL,
  config: string,
  tensors: Iterable<TensorToWrite>,
  options: SaveOptions = {},
): Promise<void> {
  checkOptions("save model", options, SAVE_OPTIONS);
  const { maxShardSize = "10GB" } = options;
  const [folder, shardSize] = [directoryPath(directory), parseSize(maxShardSize)];
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw new HubError(`Cannot create the directory ${folder}: ${reasonOf(cause)}`, { cause });
  }
  await exchangeModel(folder, async (stage) => {
    await writeWeights(stage, tensors, shardSize);
    await writeSynced(join(stage, CONFIG_NAME), config);
  }, isWeightsName);
}

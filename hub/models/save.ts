/**
 * Writes a model directory.
 *
 * @module
 */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { HubError } from "../errors.ts";
import { reasonOf } from "../show.ts";
import { exchangeModel } from "./exchange.ts";
import { directoryPath } from "./local.ts";
import { CONFIG_NAME } from "./model_files.ts";
import { writeSynced } from "../system/atomic_write.ts";
import type { TensorToWrite } from "../formats/safetensors_writer.ts";
import { isWeightsName, parseSize, writeWeights } from "../formats/shard_writer.ts";

/** Options of {@linkcode saveLocalModel}. */
export interface SaveOptions {
  /**
   * The bytes of weights that a file may have, as a number or like `"5GB"`; more are spread over several files with an
   * index. By default `"10GB"`.
   */
  maxShardSize?: number | string;
}

/**
 * Writes `config.json` and `diffusion_pytorch_model.safetensors`, or its shards and their index. A model that is there
 * stays until all of the new one is written. At whatever moment the process ends, the directory holds the old model, the
 * new one, or something that every loader refuses; what an earlier process left is removed. Of several who save at once,
 * each waits for its turn.
 *
 * Upstream: `diffusers.ModelMixin.save_pretrained`.
 *
 * @param directory a path, in which a leading `~` is the user's folder, or a `file:` URL; created if need be
 * @param config the text of `config.json`
 * @param tensors called for their data one at a time
 * @throws {RangeError} if `maxShardSize` is no size
 * @throws {HubError} if the directory cannot be written to, or another process took over while this one did not run
 * @throws {WeightsError} if the weights cannot be written
 */
export async function saveLocalModel(
  directory: string | URL,
  config: string,
  tensors: Iterable<TensorToWrite>,
  { maxShardSize = "10GB" }: SaveOptions = {},
): Promise<void> {
  const folder = directoryPath(directory), shardSize = parseSize(maxShardSize);
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

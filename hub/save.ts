/**
 * Writes a model directory.
 *
 * @module
 */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HubError, reasonOf } from "./errors.ts";
import { directoryPath } from "./local.ts";
import { CONFIG_NAME } from "./model_files.ts";
import { replace } from "./replace.ts";
import type { TensorToWrite } from "./safetensors_writer.ts";
import { parseSize, writeWeights } from "./shard_writer.ts";

/** Options of {@linkcode saveLocalModel}. */
export interface SaveOptions {
  /**
   * The bytes of weights that a file may have, as a number or like `"5GB"`; more are spread over several files with an
   * index. By default `"10GB"`.
   */
  maxShardSize?: number | string;
}

/**
 * Writes `config.json` and `diffusion_pytorch_model.safetensors`, or its shards and their index, each only once it is
 * complete; the weights first, so that a directory with a configuration has weights.
 *
 * Upstream: `diffusers.ModelMixin.save_pretrained`.
 *
 * @param directory a path, in which a leading `~` is the user's folder, or a `file:` URL; created if need be
 * @param config the text of `config.json`
 * @param tensors called for their data one at a time
 * @throws {RangeError} if `maxShardSize` is no size
 * @throws {HubError} if the directory or the configuration cannot be written
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
  await writeWeights(folder, tensors, shardSize);
  const path = join(folder, CONFIG_NAME);
  try {
    await replace(path, (temporary) => writeFile(temporary, config));
  } catch (cause) {
    throw new HubError(`Cannot write ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Writes a model directory.
 *
 * @module
 */

import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HubError, reasonOf } from "./errors.ts";
import { CONFIG_NAME } from "./model_files.ts";
import { type TensorToWrite, writeSafetensors } from "./safetensors_writer.ts";

/** The name under which Diffusers looks for a model's weights. */
const WEIGHTS_NAME = "diffusion_pytorch_model.safetensors";

/**
 * Writes `config.json` and `diffusion_pytorch_model.safetensors`, each only once it is complete; the weights first, so
 * that a directory with a configuration has weights.
 *
 * @param directory created if need be
 * @param config the text of `config.json`
 * @throws {HubError} if the directory or the configuration cannot be written
 * @throws {WeightsError} if the weights cannot be written
 */
export async function saveLocalModel(
  directory: string | URL,
  config: string,
  tensors: Iterable<TensorToWrite>,
): Promise<void> {
  const folder = directory instanceof URL ? fileURLToPath(directory) : directory;
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw new HubError(`Cannot create the directory ${folder}: ${reasonOf(cause)}`, { cause });
  }
  await writeSafetensors(join(folder, WEIGHTS_NAME), tensors);
  const path = join(folder, CONFIG_NAME);
  try {
    await writeFile(`${path}.incomplete`, config);
    await rename(`${path}.incomplete`, path);
  } catch (cause) {
    throw new HubError(`Cannot write ${path}: ${reasonOf(cause)}`, { cause });
  }
}

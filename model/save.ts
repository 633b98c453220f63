/**
 * Saving a model as Diffusers does, in a directory or on the Hub.
 *
 * @module
 */

import {
  pickOptions,
  PUSH_OPTIONS,
  type PushOptions,
  type PushResult,
  pushToHub,
  SAVE_OPTIONS,
  saveLocalModel,
  type SaveOptions,
  withTemporaryDirectory,
} from "../hub/mod.ts";
import { formatConfig } from "./architecture/config.ts";
import { modelParameters } from "./architecture/passes.ts";
import { plainModel } from "./checkpoints/mod.ts";
import { type Checkpoint, matchTensors, tensorsOf, withFiles } from "./engine/checkpoint.ts";

/**
 * Writes configuration and weights, float32 and under their current names, reading one tensor at a time.
 *
 * @throws {TypeError} if only half of the model is loaded
 * @throws {ConfigError} if Diffusers' `VQModel` cannot compute the same
 */
export async function saveModel(
  directory: string | URL,
  { open, parsed, parameters, only }: Checkpoint,
  options: SaveOptions,
): Promise<void> {
  if (only) throw new TypeError(`Cannot save the model: only the ${only} is loaded. Load it without only: "${only}"`);
  const { config, convert } = plainModel(parsed.config);
  await withFiles(open, async ({ weights }) => {
    const { found } = matchTensors(weights, parameters, { strict: false }); // reported when the model was loaded
    const tensors = modelParameters(config).flatMap(tensorsOf).map(([name, shape]) => ({
      name,
      shape,
      dtype: "F32",
      data: async () => convert(name, await weights.read(found.get(name)!)),
    }));
    await saveLocalModel(directory, formatConfig({ ...parsed, config }), tensors, options);
  });
}

/** Saves a model in a temporary directory, and uploads it in one commit. */
export async function pushModel(
  repo: string,
  checkpoint: Checkpoint,
  options: PushOptions & SaveOptions,
): Promise<PushResult> {
  return await withTemporaryDirectory(async (directory) => {
    await saveModel(directory, checkpoint, pickOptions<SaveOptions>(options, SAVE_OPTIONS));
    return await pushToHub(repo, directory, pickOptions<PushOptions>(options, PUSH_OPTIONS));
  });
}

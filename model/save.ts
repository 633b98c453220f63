/**
 * Saving a model as Diffusers does.
 *
 * @module
 */

import { saveLocalModel, type SaveOptions } from "../hub/mod.ts";
import { formatConfig } from "./architecture/config.ts";
import { modelParameters } from "./architecture/passes.ts";
import { plainModel } from "./checkpoints/mod.ts";
import { type Checkpoint, matchTensors, tensorsOf, withFiles } from "./engine/checkpoint.ts";

/**
 * Writes configuration and weights, float32 and under their current names, reading one tensor at a time.
 *
 * @throws {ConfigError} if Diffusers' `VQModel` cannot compute the same
 */
export async function saveModel(
  directory: string | URL,
  { open, parsed, parameters }: Checkpoint,
  options: SaveOptions,
): Promise<void> {
  const { config, convert } = plainModel(parsed.config);
  await withFiles(open, async ({ weights }) => {
    const { found } = matchTensors(weights, parameters, false); // reported when the model was loaded
    const tensors = modelParameters(config).flatMap(tensorsOf).map(([name, shape]) => ({
      name,
      shape,
      dtype: "F32",
      data: async () => convert(name, await weights.read(found.get(name)!)),
    }));
    await saveLocalModel(directory, formatConfig({ ...parsed, config }), tensors, options);
  });
}

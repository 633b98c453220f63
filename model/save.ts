/**
 * Saving a model as Diffusers does.
 *
 * @module
 */

import { saveLocalModel, type SaveOptions } from "../hub/mod.ts";
import { formatConfig } from "./architecture/config.ts";
import { type Checkpoint, matchTensors, tensorsOf, withFiles } from "./engine/checkpoint.ts";

/** Writes configuration and weights, float32 and under their current names, reading one tensor at a time. */
export async function saveModel(
  directory: string | URL,
  { open, parsed, parameters }: Checkpoint,
  options: SaveOptions,
): Promise<void> {
  await withFiles(open, async ({ weights }) => {
    const { found } = matchTensors(weights, parameters, false); // reported when the model was loaded
    const tensors = parameters.flatMap(tensorsOf).map(([name, shape]) => ({
      name,
      shape,
      dtype: "F32",
      data: () => weights.read(found.get(name)!),
    }));
    await saveLocalModel(directory, formatConfig(parsed), tensors, options);
  });
}

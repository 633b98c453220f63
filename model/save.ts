/**
 * Saving a model as Diffusers does.
 *
 * @module
 */

import { saveLocalModel, type SaveOptions, type TensorSource } from "../hub/mod.ts";
import type { Parameter } from "../kernels/mod.ts";
import { formatConfig, type ParsedConfig } from "./architecture/config.ts";
import { matchTensors, tensorsOf } from "./engine/checkpoint.ts";

/** Writes configuration and weights, float32 and under their current names, reading one tensor at a time. */
export async function saveModel(
  directory: string | URL,
  parsed: ParsedConfig,
  parameters: readonly Parameter[],
  source: TensorSource,
  options: SaveOptions,
): Promise<void> {
  const { found } = matchTensors(source, parameters, false); // what is left alone was told of when it was loaded
  const tensors = parameters.flatMap(tensorsOf).map(([name, shape]) => ({
    name,
    shape,
    dtype: "F32",
    data: () => source.read(found.get(name)!),
  }));
  await saveLocalModel(directory, formatConfig(parsed), tensors, options);
}

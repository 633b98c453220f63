/**
 * Reporting what happens to a model to `onProgress`.
 *
 * @module
 */

import type { ComputeOptions, Progress } from "../options.ts";
import type { Checkpoint } from "./checkpoint.ts";

/**
 * Calls `onProgress`, if there is one. Unless the event says otherwise, its total is the number of the model's layers.
 */
export function report(
  { name, configPath, parameters }: Checkpoint,
  { onProgress }: ComputeOptions,
  event: Pick<Progress, "status" | "reason" | "tensors"> & { loaded?: number; total?: number },
): void {
  const { loaded = 0, total = parameters.length } = event;
  const progress = total > 0 ? 100 * loaded / total : 0;
  onProgress?.({ ...event, loaded, total, name, file: configPath, progress });
}

/**
 * Telling what happens to a model.
 *
 * @module
 */

import type { ModelFiles } from "../hub/mod.ts";
import type { ComputeOptions, Progress } from "./options.ts";

/** Tells of something that happened to the model of some files. */
export function tell(
  { name, configPath }: Pick<ModelFiles, "name" | "configPath">,
  { onProgress }: ComputeOptions,
  event: Omit<Progress, "name" | "file" | "progress">,
): void {
  const { loaded, total } = event;
  const progress = total > 0 ? 100 * loaded / total : 0;
  onProgress?.({ ...event, name: name ?? configPath, file: configPath, progress });
}

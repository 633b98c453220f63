/**
 * Opening an engine with a model's weights.
 *
 * @module
 */

import type { ModelFiles } from "../hub/mod.ts";
import { type Backend, createBackend, type Parameter } from "../kernels/mod.ts";
import type { ComputeOptions, Progress } from "./options.ts";
import { countNumbers, loadWeights } from "./weights.ts";

/**
 * Opens an engine and loads a model's weights.
 *
 * @throws {DeviceError} if there is no such engine
 * @throws {WeightsError} if the weights do not fit the layers
 */
export async function openEngine(
  files: ModelFiles,
  parameters: readonly Parameter[],
  options: ComputeOptions,
): Promise<Backend> {
  const { device = "auto", signal, onProgress } = options;
  const backend = await createBackend(device, { ...options, weightBytes: 4 * countNumbers(parameters) });
  try {
    const report = (status: Progress["status"], loaded: number, total: number) =>
      onProgress?.({ status, file: files.configPath, loaded, total });
    await loadWeights(files.weights, parameters, backend, (loaded, total) => {
      signal?.throwIfAborted();
      report("load", loaded, total);
    });
    report("ready", parameters.length, parameters.length);
    return backend;
  } catch (error) {
    backend.dispose();
    throw error;
  }
}

/** Opens a model's files for as long as `use` takes. */
export async function withFiles<T>(
  open: () => Promise<ModelFiles>,
  use: (files: ModelFiles) => Promise<T>,
): Promise<T> {
  const files = await open();
  try {
    return await use(files);
  } finally {
    await files.weights.close();
  }
}

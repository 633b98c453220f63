/**
 * Opening an engine with a model's weights.
 *
 * @module
 */

import type { ModelFiles } from "../../hub/mod.ts";
import { type Backend, createBackend, type Parameter } from "../../kernels/mod.ts";
import type { ComputeOptions } from "../options.ts";
import { tell } from "../progress.ts";
import { countParameters, listSome, loadWeights } from "./checkpoint.ts";

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
  const { device = "auto", strict, signal } = options;
  const total = parameters.length;
  const backend = await createBackend(device, {
    ...options,
    weightBytes: 4 * countParameters(parameters),
    onFallback: (reason) => tell(files, options, { status: "fallback", loaded: 0, total, reason }),
  });
  try {
    await loadWeights(files.weights, parameters, backend, {
      strict,
      onIgnored(tensors) {
        const reason = `The checkpoint holds tensors that are left alone: ${listSome(tensors)}`;
        tell(files, options, { status: "ignored", loaded: 0, total: tensors.length, tensors, reason });
      },
      onLayer(loaded) {
        signal?.throwIfAborted();
        tell(files, options, { status: "load", loaded, total });
      },
    });
    tell(files, options, { status: "ready", loaded: total, total });
    return backend;
  } catch (error) {
    backend.dispose();
    throw error;
  }
}

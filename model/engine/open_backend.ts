/**
 * Opening a backend and loading a model's weights into it.
 *
 * @module
 */

import type { ModelFiles } from "../../hub/mod.ts";
import { type Backend, createBackend, DeviceError } from "../../kernels/mod.ts";
import type { ComputeOptions } from "../options.ts";
import { type Checkpoint, countParameters, listSome, loadWeights, matchTensors } from "./checkpoint.ts";
import { report } from "./progress.ts";

/**
 * Opens the device of the options. Where `"auto"` chose one that cannot hold the weights, opens the CPU engine.
 *
 * @throws {DeviceError} if there is no such device
 * @throws {WeightsError} if the weights do not fit the layers
 */
export async function openBackend(
  checkpoint: Checkpoint,
  files: ModelFiles,
  options: ComputeOptions,
): Promise<Backend> {
  try {
    return await openWith(checkpoint, files, options);
  } catch (error) {
    const { device = "auto", dtype } = options;
    if (device !== "auto" || dtype === "float16" || !(error instanceof DeviceError)) throw error;
    report(checkpoint, options, { status: "fallback", reason: error.message });
    return await openCpuBackend(checkpoint, files, options);
  }
}

/** Opens the CPU engine, whatever device the options name. */
export function openCpuBackend(checkpoint: Checkpoint, files: ModelFiles, options: ComputeOptions): Promise<Backend> {
  return openWith(checkpoint, files, { ...options, device: "wasm", dtype: "float32" });
}

async function openWith(checkpoint: Checkpoint, files: ModelFiles, options: ComputeOptions): Promise<Backend> {
  const { parameters, only } = checkpoint;
  const { device = "auto", dtype, memoryLimit, threads, tuningStore, strict, signal } = options;
  const { weights = memoryLimit === undefined ? undefined : "compact" } = options;
  matchTensors(files.weights, parameters, { strict, only }); // before the engine reserves memory for them
  const backend = await createBackend(device, {
    dtype,
    weights,
    threads,
    tuningStore,
    signal,
    weightBytes: 4 * countParameters(parameters),
    onFallback: (reason) => report(checkpoint, options, { status: "fallback", reason }),
  });
  try {
    await loadWeights(files.weights, parameters, backend, {
      strict,
      only,
      onIgnored(tensors) {
        const reason = `The checkpoint holds tensors that the model does not use: ${listSome(tensors)}`;
        report(checkpoint, options, { status: "ignored", total: tensors.length, tensors, reason });
      },
      onLayer(loaded) {
        signal?.throwIfAborted();
        report(checkpoint, options, { status: "load", loaded });
      },
    });
    report(checkpoint, options, { status: "ready", loaded: parameters.length });
    return backend;
  } catch (error) {
    backend.dispose();
    throw error;
  }
}

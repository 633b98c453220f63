/**
 * The thread pool that consists of the calling thread.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { Turns } from "../../host/turns.ts";
import { JOB } from "../abi.ts";
import { type Kernels, loadTemplate, moduleFor } from "./module.ts";
import type { ThreadPool } from "./thread_pool.ts";

/** How long to compute before yielding to the event loop. */
const PATIENCE_MS = 50;

/** Computes on the calling thread, and yields to the event loop between jobs. */
export async function createSingleThreadPool(memory: WebAssembly.Memory): Promise<ThreadPool> {
  const binary = moduleFor(await loadTemplate(), 0, false);
  const { instance } = await WebAssembly.instantiate(binary, { env: { memory } });
  let kernels: Kernels | undefined = instance.exports as unknown as Kernels;
  kernels.initialize();
  /** The kernels, unless the run is aborted or the engine disposed. */
  const usable = (signal?: AbortSignal): Kernels => {
    signal?.throwIfAborted();
    if (!kernels) throw new DeviceError("The engine was disposed");
    return kernels;
  };
  const turns = new Turns(PATIENCE_MS);
  return {
    threads: 1,
    lost: false,
    kernels: () => usable(),
    async run(jobs, count, signal) {
      for (let i = 0; i < count; i++) {
        usable(signal).run(jobs + i * JOB, 1, 0, 1);
        if (turns.due) await turns.take();
      }
      usable(signal);
    },
    dispose() {
      kernels = undefined; // releases the memory
    },
  };
}

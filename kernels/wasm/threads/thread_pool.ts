/**
 * Who computes: this thread alone, or workers.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { Turns } from "../../host/turns.ts";
import { type Kernels, loadTemplate, moduleFor } from "./module.ts";
import { JOB } from "../abi.ts";

/** Runs lists of jobs, one list at a time. */
export interface ThreadPool {
  /** How many threads compute. */
  readonly threads: number;
  /** Whether a thread has ended unexpectedly: nothing can be computed any more. */
  readonly lost: boolean;
  /**
   * The kernels on the calling thread, for what it does itself.
   *
   * @throws {DeviceError} if the engine was disposed
   */
  kernels(): Kernels;
  /** Runs `count` jobs from address `jobs` on. Rejects with the signal's reason, between jobs, once it is aborted. */
  run(jobs: number, count: number, signal?: AbortSignal): Promise<void>;
  /** Ends the threads. A run under way rejects. */
  dispose(): void;
}

/** How long to compute before the event loop gets its turn. */
const PATIENCE_MS = 50;

/** Computes on the calling thread; the event loop gets its turn between jobs. */
export async function createSingleThreadPool(memory: WebAssembly.Memory): Promise<ThreadPool> {
  const binary = moduleFor(await loadTemplate(), 0, false);
  const { instance } = await WebAssembly.instantiate(binary, { env: { memory } });
  let kernels: Kernels | undefined = instance.exports as unknown as Kernels;
  kernels.initialize();
  /** The kernels, unless computing is to end. */
  const wanted = (signal?: AbortSignal): Kernels => {
    signal?.throwIfAborted();
    if (!kernels) throw new DeviceError("The engine was disposed");
    return kernels;
  };
  const turns = new Turns(PATIENCE_MS);
  return {
    threads: 1,
    lost: false,
    kernels: () => wanted(),
    async run(jobs, count, signal) {
      for (let i = 0; i < count; i++) {
        wanted(signal).run(jobs + i * JOB, 1, 0, 1);
        if (turns.due) await turns.take();
      }
      wanted(signal);
    },
    dispose() {
      kernels = undefined; // it holds the memory
    },
  };
}

/**
 * Who computes: this thread alone, or workers.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import { type Kernels, loadTemplate, moduleFor } from "./module.ts";
import { JOB } from "./shared.ts";

/** Runs lists of jobs, one list at a time. */
export interface Team {
  /** How many threads compute. */
  readonly threads: number;
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

/** How long to compute before the event loop gets its turn, which takes some 3 ms. */
const PATIENCE_MS = 50;

/** Computes on the calling thread; the event loop gets its turn between jobs. */
export async function createSoloTeam(memory: WebAssembly.Memory): Promise<Team> {
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
  /** When the event loop had its last turn, as far as is known: short runs may follow each other without one. */
  let since = performance.now();
  return {
    threads: 1,
    kernels: () => wanted(),
    async run(jobs, count, signal) {
      for (let i = 0; i < count; i++) {
        wanted(signal).run(jobs + i * JOB, 1, 0, 1);
        if (performance.now() - since < PATIENCE_MS) continue;
        await nextTask();
        since = performance.now();
      }
      wanted(signal);
    },
    dispose() {
      kernels = undefined; // it holds the memory
    },
  };
}

/** Resolves after other tasks had their turn, the network's among them: in Deno, message channels starve it. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

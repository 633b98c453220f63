/**
 * How many threads compute, and how they start: workers on a shared memory or, where that fails, the calling thread alone.
 *
 * @module
 */

import { MAX_THREADS } from "../abi.ts";
import { DeviceError } from "../../errors.ts";
import { countProcessors } from "../../host/processors.ts";
import { Runtime } from "./runtime.ts";
import { createSingleThreadPool } from "./single_thread.ts";
import { createWorkerPool } from "./worker_pool.ts";

/**
 * The number of threads to start; by default the machine's.
 *
 * @throws {RangeError} if it is not a whole number ≥ 1
 */
export function threadCount(threads: number = countProcessors()): number {
  if (Number.isSafeInteger(threads) && threads >= 1) return Math.min(threads, MAX_THREADS);
  throw new RangeError(`Cannot start the engine: threads must be a whole number ≥ 1, found ${threads}`);
}

/**
 * Starts a runtime of `threads` threads, or of one if they do not start.
 *
 * @param onFallback called with the reason if they do not start
 * @throws {DeviceError} if there is no WebAssembly SIMD
 */
export async function startRuntime(
  threads: number,
  signal: AbortSignal | undefined,
  onFallback: ((reason: string) => void) | undefined,
): Promise<Runtime> {
  if (threads > 1) {
    try {
      checkSharedMemory();
      return await Runtime.create(true, (memory, signal) => createWorkerPool(memory, threads, signal), signal);
    } catch (error) {
      signal?.throwIfAborted();
      onFallback?.(`One thread computes instead of ${threads}, which could not start: ${(error as Error).message}`);
    }
  }
  return await startAlone();
}

/** Browsers hide shared memory from pages that are not isolated from other sites. */
function checkSharedMemory(): void {
  if (typeof SharedArrayBuffer !== "undefined") return;
  throw new DeviceError(
    "there is no SharedArrayBuffer; in a browser, serve the page with the headers " +
      "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp",
  );
}

async function startAlone(): Promise<Runtime> {
  try {
    return await Runtime.create(false, createSingleThreadPool);
  } catch (cause) {
    throw new DeviceError(`Cannot start the CPU engine: WebAssembly with SIMD is needed (${cause})`, { cause });
  }
}

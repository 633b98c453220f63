/**
 * The interface of thread pools.
 *
 * @module
 */

import type { Kernels } from "./module.ts";

/** Threads that run lists of jobs, one list at a time. */
export interface ThreadPool {
  /** Number of threads that compute. */
  readonly threads: number;
  /** Whether a thread ended unexpectedly, so that the pool cannot compute any more. */
  readonly lost: boolean;
  /**
   * The kernels on the calling thread, for what it computes itself.
   *
   * @throws {DeviceError} if the engine was disposed
   */
  kernels(): Kernels;
  /** Runs `count` jobs from address `jobs` on. Once `signal` is aborted, rejects between two jobs with its reason. */
  run(jobs: number, count: number, signal?: AbortSignal): Promise<void>;
  /** Ends the threads. A run in progress rejects. */
  dispose(): void;
}

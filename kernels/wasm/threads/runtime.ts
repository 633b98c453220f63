/**
 * What programs and parameters share: the memory, the thread pool, and a queue of tasks.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { HighWater } from "../../host/high_water.ts";
import { type Job, writeJobs } from "./job.ts";
import { Memory } from "../memory/memory.ts";
import type { ThreadPool } from "./thread_pool.ts";

/** Starts a thread pool on a memory, unless `signal` aborts first. */
type CreatePool = (memory: WebAssembly.Memory, signal?: AbortSignal) => Promise<ThreadPool>;

/** Moving to a smaller memory takes 0.1 to 0.2 seconds and copies what is in use. The minimum number of bytes to save, */
const LEAST_EXCESS = 32 * 2 ** 20;
/** and the minimum ratio of bytes saved to bytes copied. */
const LEAST_RATIO = 0.5;

/** An engine's memory and thread pool, used by one task at a time. */
export class Runtime {
  #last: Promise<unknown> = Promise.resolve();
  #pool: ThreadPool;
  readonly #needed = new HighWater();

  private constructor(readonly memory: Memory, pool: ThreadPool, private readonly createPool: CreatePool) {
    this.#pool = pool;
  }

  /** Creates a runtime with a memory, shared or not, and a thread pool on it. */
  static async create(shared: boolean, createPool: CreatePool, signal?: AbortSignal): Promise<Runtime> {
    const memory = new Memory(shared);
    return new Runtime(memory, await createPool(memory.memory, signal), createPool);
  }

  /** The thread pool. A new one takes its place when memory is released. */
  get pool(): ThreadPool {
    return this.#pool;
  }

  /**
   * Runs `task` after all earlier tasks have ended, unless `signal` aborts before it begins. Then releases memory, if the
   * last tasks needed much less than there is.
   */
  runExclusive<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const giveUp = () => reject(signal!.reason);
      signal?.addEventListener("abort", giveUp, { once: true });
      const result = this.#last.then(async () => {
        signal?.removeEventListener("abort", giveUp);
        signal?.throwIfAborted();
        if (this.memory.disposed) throw new DeviceError("Cannot compute: the engine was disposed");
        const value = await this.#measured(task);
        await this.#releaseMemory();
        return value;
      });
      this.#last = result.then(() => {}, () => {}); // without the value, which would not be collected as garbage
      result.then(resolve, reject);
    });
  }

  /** Runs jobs that need no workspace; `list` is an address with room for them. */
  async runJobs(jobs: readonly Job[], list: number): Promise<void> {
    if (this.memory.disposed) throw new DeviceError("The engine was disposed");
    writeJobs(jobs, this.memory, list);
    await this.pool.run(list, jobs.length);
  }

  /** Ends the threads. */
  dispose(): void {
    this.pool.dispose();
    this.memory.dispose();
  }

  async #measured<T>(task: () => Promise<T>): Promise<T> {
    this.memory.startPeak();
    try {
      return await task();
    } finally {
      this.#needed.note(this.memory.peak);
    }
  }

  /** Moves to a smaller memory if worthwhile, with new threads, because threads cannot change their memory. */
  async #releaseMemory(): Promise<void> {
    const { memory } = this;
    const needed = Math.max(this.#needed.bytes, memory.reserved);
    if (memory.disposed || memory.bytes - needed < Math.max(LEAST_EXCESS, LEAST_RATIO * needed)) return;
    try {
      const smaller = memory.create(needed);
      const pool = await this.createPool(smaller);
      if (memory.disposed) return pool.dispose();
      this.pool.dispose();
      this.#pool = pool;
      memory.moveTo(smaller);
      collectGarbage();
    } catch {
      this.#needed.note(memory.bytes); // the system refused: tries again after some calls
    }
  }
}

/**
 * Makes V8 collect garbage, which it otherwise delays, because it does not count the bytes of a WebAssembly memory. It does
 * so before it refuses to allocate an array, as it must with this one.
 */
function collectGarbage(): void {
  try {
    new ArrayBuffer(2 ** 50);
  } catch {
    // as expected
  }
}

/**
 * What programs and parameters share: the memory, the pool, and whose turn it is.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { HighWater } from "../../host/high_water.ts";
import { type Job, writeJobs } from "./job.ts";
import { Memory } from "../memory/memory.ts";
import { JOB } from "../abi.ts";
import type { ThreadPool } from "./thread_pool.ts";

/** Starts a pool on a memory, unless `signal` aborts before it has. */
type CreatePool = (memory: WebAssembly.Memory, signal?: AbortSignal) => Promise<ThreadPool>;

/** Moving takes a tenth of a second or two, and copies what is in use. For fewer bytes than this it is not worth it, */
const LEAST_EXCESS = 32 * 2 ** 20;
/** or for less than this part of what is copied. */
const LEAST_SHARE = 0.5;

/** An engine's memory and pool; one task uses them at a time. */
export class Runtime {
  #last: Promise<unknown> = Promise.resolve();
  #pool: ThreadPool;
  readonly #needed = new HighWater();

  private constructor(readonly memory: Memory, pool: ThreadPool, private readonly createPool: CreatePool) {
    this.#pool = pool;
  }

  /** A runtime with a memory, shared or not, and the pool that `createPool` makes for one. */
  static async create(shared: boolean, createPool: CreatePool, signal?: AbortSignal): Promise<Runtime> {
    const memory = new Memory(shared);
    return new Runtime(memory, await createPool(memory.memory, signal), createPool);
  }

  /** Who computes. Another pool does after a task that gave memory back. */
  get pool(): ThreadPool {
    return this.#pool;
  }

  /**
   * Runs `task` after all tasks before it have ended, unless `signal` aborts before it begins. Then gives memory back, if
   * the last tasks needed much less than there is.
   */
  alone<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const giveUp = () => reject(signal!.reason);
      signal?.addEventListener("abort", giveUp, { once: true });
      const turn = this.#last.then(async () => {
        signal?.removeEventListener("abort", giveUp);
        signal?.throwIfAborted();
        if (this.memory.disposed) throw new DeviceError("Cannot compute: the engine was disposed");
        const result = await this.#measured(task);
        await this.#giveBack();
        return result;
      });
      this.#last = turn.then(() => {}, () => {}); // without the result, which would stay alive
      turn.then(resolve, reject);
    });
  }

  /** Runs jobs that need no workspace. */
  async runJobs(jobs: readonly Job[]): Promise<void> {
    const list = this.memory.allocate(JOB * jobs.length);
    try {
      writeJobs(jobs, this.memory, list);
      await this.pool.run(list, jobs.length);
    } finally {
      this.memory.free(list);
    }
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

  /** Moves into a smaller memory, if that is worth it. Threads cannot leave their memory: others take their place. */
  async #giveBack(): Promise<void> {
    const { memory } = this;
    const needed = this.#needed.bytes;
    if (memory.disposed || memory.bytes - needed < Math.max(LEAST_EXCESS, LEAST_SHARE * needed)) return;
    try {
      const smaller = memory.create(needed);
      const pool = await this.createPool(smaller);
      if (memory.disposed) return pool.dispose();
      this.pool.dispose();
      this.#pool = pool;
      memory.moveTo(smaller);
      collectGarbage();
    } catch {
      this.#needed.note(memory.bytes); // the system refuses; it may be asked again some calls later
    }
  }
}

/**
 * Has V8 collect garbage, which it otherwise puts off: of the bytes behind a WebAssembly memory it knows too little. It does
 * so before it refuses an array, and this one no machine has room for.
 */
function collectGarbage(): void {
  try {
    new ArrayBuffer(2 ** 50);
  } catch {
    // as expected
  }
}

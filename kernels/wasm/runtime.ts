/**
 * What programs and parameters share: the memory, the team, and whose turn it is.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import { type Job, writeJobs } from "./job.ts";
import type { Memory } from "./memory.ts";
import { JOB } from "./shared.ts";
import type { Team } from "./team.ts";

/** An engine's memory and team; one task uses them at a time. */
export class Runtime {
  #last: Promise<unknown> = Promise.resolve();

  constructor(readonly memory: Memory, readonly team: Team) {}

  /** Runs `task` after all tasks before it have ended, unless `signal` aborts before it begins. */
  alone<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const giveUp = () => reject(signal!.reason);
      signal?.addEventListener("abort", giveUp, { once: true });
      const turn = this.#last.then(() => {
        signal?.removeEventListener("abort", giveUp);
        signal?.throwIfAborted();
        if (this.memory.disposed) throw new DeviceError("Cannot compute: the engine was disposed");
        return task();
      });
      this.#last = turn.catch(() => {});
      turn.then(resolve, reject);
    });
  }

  /** Runs jobs that need no workspace. */
  async runJobs(jobs: readonly Job[]): Promise<void> {
    const list = this.memory.allocate(JOB * jobs.length);
    try {
      writeJobs(jobs, this.memory, list);
      await this.team.run(list, jobs.length);
    } finally {
      this.memory.free(list);
    }
  }

  /** Ends the threads. */
  dispose(): void {
    this.team.dispose();
    this.memory.dispose();
  }
}

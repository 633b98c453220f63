/**
 * Jobs: what the threads compute together, one after the other.
 *
 * @module
 */

import type { Memory } from "../memory/memory.ts";
import { FIELDS, JOB, type Kind } from "../abi.ts";

/** One job. */
export interface Job {
  readonly kind: Kind;
  /** How many independent parts there are; threads take one after the other. */
  readonly blocks: number;
  /** The words of the kind's class in `assembly/`, in its order. */
  readonly fields: readonly number[];
}

const bits = new DataView(new ArrayBuffer(4));

/** A float as the word that a job holds. */
export function float(value: number): number {
  bits.setFloat32(0, value);
  return bits.getInt32(0);
}

/** Writes jobs where the kernels read them. */
export function writeJobs(jobs: readonly Job[], memory: Memory, address: number): void {
  jobs.forEach(({ kind, blocks, fields }, i) => {
    const words = memory.integers(address + i * JOB, JOB / 4);
    words.fill(0);
    words.set([kind, blocks]);
    words.set(fields, FIELDS / 4);
  });
}

/** How many of `count` jobs from `address` on are done: each of the threads has looked for a next part, and found none. */
export function countDone(memory: Memory, address: number, count: number, threads: number): number {
  let done = 0;
  while (done < count) {
    const [, blocks, next] = memory.integers(address + done * JOB, 3);
    if (next < blocks + threads) break;
    done++;
  }
  return done;
}

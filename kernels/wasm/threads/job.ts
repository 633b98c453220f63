/**
 * Jobs, which the threads compute together, one after the other.
 *
 * @module
 */

import { FIELDS, JOB, type Kind } from "../abi.ts";
import { type Fields, JOB_FIELDS } from "../job_fields.ts";
import type { Memory } from "../memory/memory.ts";

/** One job. */
export type Job = { readonly [K in Kind]: JobOf<K> }[Kind];

interface JobOf<K extends Kind> {
  readonly kind: K;
  /** Number of independent parts, which the threads take one by one. */
  readonly blocks: number;
  readonly fields: Fields<K>;
}

/** Writes jobs where the kernels read them. */
export function writeJobs(jobs: readonly Job[], memory: Memory, address: number): void {
  jobs.forEach(({ kind, blocks, fields }, i) => {
    const at = address + i * JOB;
    const header = memory.integers(at, FIELDS / 4);
    header.fill(0);
    header.set([kind, blocks]);
    const types = Object.entries(JOB_FIELDS[kind]);
    const integers = memory.integers(at + FIELDS, types.length), floats = memory.floats(at + FIELDS, types.length);
    types.forEach(([name, type], word) => {
      (type === "f32" ? floats : integers)[word] = fields[name as keyof typeof fields];
    });
  });
}

/** How many of `count` jobs from `address` on are done: each thread has looked for another part and found none. */
export function countDone(memory: Memory, address: number, count: number, threads: number): number {
  let done = 0;
  while (done < count) {
    const [, blocks, next] = memory.integers(address + done * JOB, 3);
    if (next < blocks + threads) break;
    done++;
  }
  return done;
}

/**
 * Locks between processes: a file that one of them makes, and touches as long as it lives.
 *
 * @module
 */

import { stat, unlink, utimes, writeFile } from "node:fs/promises";
import { sleep } from "./retry.ts";

const HEARTBEAT = 500;
/** A holder that was silent for so long is dead, or its machine sleeps. */
const SILENCE = 3_000;
const POLL = 100;

/**
 * Does something while no other process, and nobody else in this one, holds the lock.
 *
 * The lock of a dead process is taken over. So may be that of one that was stopped for seconds and goes on later: what is
 * done under the lock must bear that.
 *
 * @param path the file to make, in a folder that exists
 */
export async function withLock<T>(path: string, use: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  await acquire(path, signal);
  let touching = Promise.resolve();
  const heart = setInterval(() => {
    const now = new Date();
    touching = utimes(path, now, now).catch(() => {}); // without it, others wait less long: no harm
  }, HEARTBEAT);
  try {
    return await use();
  } finally {
    clearInterval(heart);
    await touching;
    await unlink(path).catch(() => {}); // someone who thought us dead may have been first
  }
}

async function acquire(path: string, signal?: AbortSignal): Promise<void> {
  let touched = 0;
  let since = 0;
  while (!await make(path)) {
    const last = await lastTouched(path);
    if (last !== touched) [touched, since] = [last, Date.now()];
    // The clock of a network drive may be ahead of ours: then, what we saw ourselves counts.
    if (Date.now() - Math.min(touched, since) > SILENCE) await unlink(path).catch(() => {});
    await sleep(POLL, signal);
  }
}

async function make(path: string): Promise<boolean> {
  try {
    await writeFile(path, "", { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "EEXIST") return false;
    throw error;
  }
}

/** Now, where the lock was just released. */
async function lastTouched(path: string): Promise<number> {
  return await stat(path).then(({ mtimeMs }) => mtimeMs, () => Date.now());
}

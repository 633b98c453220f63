/**
 * Locks between processes: a file that one of them makes, and touches as long as it lives.
 *
 * @module
 */

import { lstat, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { sleep } from "../system/sleep.ts";

const HEARTBEAT = 500;
/** A holder that was silent for so long is dead, or its machine sleeps. */
const SILENCE = 3_000;
const POLL = 100;
/** How often in a row a holder is found silent before its lock is taken: as we just woke up, it may be about to. */
const SILENT_POLLS = 2 + HEARTBEAT / POLL;

/** Somebody took a lock over, thinking its holder dead. */
export class LockLostError extends Error {
  /** `cause`: what failed since. */
  constructor(path: string, options?: ErrorOptions) {
    super(`The lock ${path} was taken over by another process, which thought this one dead`, options);
  }
}

/**
 * Does something while no other process, and nobody else in this one, holds the lock.
 *
 * The lock of a dead process is taken over. So may be that of one that was stopped for seconds and goes on later: what is
 * done under the lock must bear that.
 *
 * @param path the file to make, in a folder that exists
 * @param use gets a signal that aborts soon after the lock was taken over
 * @throws {LockLostError} if `use` failed, and the lock was taken over
 */
export async function withLock<T>(
  path: string,
  use: (lost: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const holder = crypto.randomUUID();
  await acquire(path, holder, signal);
  const isHeld = async () => await readFile(path, "utf-8").catch(() => undefined) === holder;
  const lost = new AbortController();

  async function beat(): Promise<void> {
    const now = new Date();
    if (!await isHeld()) lost.abort(new LockLostError(path));
    else await utimes(path, now, now).catch(() => {}); // without it, others wait less long: no harm
  }
  let beating = Promise.resolve();
  const heart = setInterval(() => beating = beat(), HEARTBEAT);
  try {
    return await use(lost.signal);
  } catch (cause) {
    if (await isHeld()) throw cause;
    throw new LockLostError(path, { cause });
  } finally {
    clearInterval(heart);
    await beating;
    if (await isHeld()) await rm(path, { force: true }).catch(() => {});
  }
}

async function acquire(path: string, holder: string, signal?: AbortSignal): Promise<void> {
  let touched = 0;
  let since = 0;
  let silent = 0;
  while (!await make(path, holder)) {
    const last = await lastTouched(path);
    if (last !== touched) [touched, since] = [last, Date.now()];
    // The clock of a network drive may be ahead of ours: then, what we saw ourselves counts.
    silent = Date.now() - Math.min(touched, since) > SILENCE ? silent + 1 : 0;
    if (silent >= SILENT_POLLS) await rm(path, { recursive: true, force: true });
    await sleep(POLL, signal);
  }
}

async function make(path: string, holder: string): Promise<boolean> {
  try {
    await writeFile(path, holder, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "EEXIST") return false;
    throw error;
  }
}

/** Now, where the lock was just released. What is there counts itself, be it a link that leads nowhere. */
async function lastTouched(path: string): Promise<number> {
  return await lstat(path).then(({ mtimeMs }) => mtimeMs, () => Date.now());
}

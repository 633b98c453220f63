/**
 * Locks between processes: a file that its holder creates, and touches as long as it runs.
 *
 * @module
 */

import { lstat, readFile, rm, utimes, writeFile } from "../system/files.ts";
import { sleep } from "../system/sleep.ts";

/** Milliseconds between touches by the holder. */
const HEARTBEAT = 500;
/** Milliseconds without a touch after which the holder is dead or suspended. */
export const LOCK_SILENCE = 3_000;
/** Milliseconds between attempts to get the lock. */
const POLL = 100;
/** Silent polls in a row before the lock is taken over: if this machine just resumed, the holder is about to touch it. */
const SILENT_POLLS = 2 + HEARTBEAT / POLL;

/** Another process took the lock over because this one did not touch it in time. */
export class LockLostError extends Error {
  /** `cause`: the error that followed, if any. */
  constructor(path: string, options?: ErrorOptions) {
    super(`The lock ${path} was taken over by another process, which thought this one dead`, options);
  }
}

/**
 * Runs `use` while holding the lock. Only one task holds it at a time, in this process or another one.
 *
 * The lock of a dead process is taken over. So is that of a process that was suspended for seconds and continues later:
 * `use` must leave a valid state even then.
 *
 * @param path the lock file, in an existing folder
 * @param use gets a signal that is aborted soon after the lock was taken over
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
    else await utimes(path, now, now).catch(() => {}); // the next heartbeat tries again
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
    // The clock of a network drive may be ahead: then, the time of the last observed touch counts.
    silent = Date.now() - Math.min(touched, since) > LOCK_SILENCE ? silent + 1 : 0;
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

/** When the lock was last touched; now, if it was just released. Links are not followed. */
async function lastTouched(path: string): Promise<number> {
  return await lstat(path).then(({ mtimeMs }) => mtimeMs, () => Date.now());
}

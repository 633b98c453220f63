/**
 * Locks between runs that write to one place.
 *
 * @module
 */

import { lockFile } from "./file_lock.ts";

/** A lock that is held. */
export interface HeldLock {
  /** Lets another run take it. */
  release(): void;
}

/**
 * Takes the lock of a place. It ends with the process.
 *
 * @param path the lock's file; its folder exists
 * @param task what it is for, as the beginning of the message
 * @throws {RangeError} if another run holds it
 */
export async function takeLock(path: string, task: string): Promise<HeldLock> {
  const release = await lockFile(path);
  if (release) return { release };
  throw new RangeError(`${task}: another run is writing there. Wait until it has ended`);
}

/**
 * Locks between runs that write to one place: the operating system's, which end with the process.
 *
 * @module
 */

/** A lock that is held. */
export interface HeldLock {
  /** Lets another run take it. */
  release(): void;
}

/**
 * Takes the lock of a place.
 *
 * @param path the lock's file; its folder exists
 * @param task what it is for, as the beginning of the message
 * @throws {RangeError} if another run holds it
 */
export async function takeLock(path: string, task: string): Promise<HeldLock> {
  for (;;) {
    const file = await Deno.open(path, { write: true, create: true });
    if (!await file.tryLock(true)) {
      file.close();
      throw new RangeError(`${task}: another run is writing there. Wait until it has ended`);
    }
    // The run before removes the file when it ends: a lock on a removed file is none.
    if (await isAt(path, file)) return { release: () => file.close() };
    file.close();
  }
}

async function isAt(path: string, file: Deno.FsFile): Promise<boolean> {
  const [there, own] = await Promise.all([Deno.stat(path).catch(() => undefined), file.stat()]);
  return there !== undefined && there.ino === own.ino && there.dev === own.dev;
}

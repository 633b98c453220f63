/**
 * Noticing that a worker ended. Browsers tell nobody of `terminate()`, but they release the locks that the worker held.
 *
 * @module
 */

/** What is used of the Web Locks API, which Deno and Node 20 lack, and browsers have in secure contexts. */
interface Locks {
  request(name: string, options: { signal?: AbortSignal }, use: () => unknown): Promise<unknown>;
}

const locks = (globalThis as { navigator?: { locks?: Locks } }).navigator?.locks;

/** Holds a lock for as long as this worker runs, unless `signal` aborts. Returns its name; `undefined` without the API. */
export function holdLock(signal: AbortSignal): Promise<string | undefined> {
  if (!locks) return Promise.resolve(undefined);
  const name = `vqmodel ${crypto.randomUUID()}`;
  return new Promise((resolve) => {
    const released = new Promise<void>((release) => signal.addEventListener("abort", () => release()));
    locks.request(name, {}, () => (resolve(name), released));
  });
}

/** Calls `onReleased` when the lock of that name is released, unless `signal` aborts before. */
export function watchLock(name: string | undefined, signal: AbortSignal, onReleased: () => void): void {
  if (name !== undefined) locks?.request(name, { signal }, onReleased).catch(() => {}); // aborted
}

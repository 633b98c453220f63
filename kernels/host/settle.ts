/**
 * Waiting for several promises.
 *
 * @module
 */

/** Waits until all are settled, and only then throws the first error, if there is one: `Promise.all` would not wait. */
export async function settleAll(work: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) {
    if (result.status === "rejected") throw result.reason;
  }
}

/**
 * Waiting for what may never come.
 *
 * @module
 */

/** How long to wait, and what ends it. */
export interface Deadline {
  readonly milliseconds: number;
  /** What to reject with after that time. */
  readonly late: () => Error;
  /** Aborts the waiting. */
  readonly signal?: AbortSignal;
}

/** What comes of some work, which goes on by itself if it is late or the waiting is aborted. */
export async function within<T>({ milliseconds, late, signal }: Deadline, work: Promise<T>): Promise<T> {
  let end = () => {};
  const never = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(late()), milliseconds);
    const giveUp = () => reject(signal!.reason);
    signal?.addEventListener("abort", giveUp);
    if (signal?.aborted) giveUp();
    end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
    };
  });
  return await Promise.race([work, never]).finally(end);
}

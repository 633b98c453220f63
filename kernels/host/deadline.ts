/**
 * Waiting with a time limit.
 *
 * @module
 */

/** How long to wait. */
export interface Deadline {
  readonly milliseconds: number;
  /** The error to reject with after that time. */
  readonly late: () => Error;
  /** Aborts the waiting. */
  readonly signal?: AbortSignal;
}

/** The result of `work`. The work is not cancelled if it is late or the waiting is aborted. */
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

/**
 * Shorter waits, so that retries and timeouts do not slow down the fuzzer.
 *
 * @module
 */

const FACTOR = 1000;

/** Makes timers run faster until it is disposed. */
export function hurry(): Disposable {
  const { setTimeout } = globalThis;
  const { timeout } = AbortSignal;
  globalThis.setTimeout =
    ((callback: () => void, delay = 0) => setTimeout(callback, delay / FACTOR)) as typeof setTimeout;
  AbortSignal.timeout = (milliseconds) => timeout(milliseconds / FACTOR);
  return {
    [Symbol.dispose]() {
      globalThis.setTimeout = setTimeout;
      AbortSignal.timeout = timeout;
    },
  };
}

/**
 * Long computations as generators, which run without a pause or yield to the event loop.
 *
 * @module
 */

import { Turns } from "./turns.ts";

/** A computation that returns `T` and yields wherever it may be interrupted. */
export type Steps<T> = Generator<void, T, void>;

/** How long a computation may block the event loop, in milliseconds. */
const PATIENCE_MS = 100;

/** Runs all steps without a pause. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Runs the steps and yields to the event loop from time to time. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  const turns = new Turns(PATIENCE_MS);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (turns.due) await turns.take();
  }
}

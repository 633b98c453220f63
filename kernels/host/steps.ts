/**
 * Work in steps: done at once, or in turns with the event loop's other tasks.
 *
 * @module
 */

import { Turns } from "./turns.ts";

/** Work that ends with a result, and pauses wherever it may be interrupted. */
export type Steps<T> = Generator<void, T, void>;

/** How long work may keep the event loop from its other tasks, in milliseconds. */
const PATIENCE_MS = 100;

/** Does all of it at once. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Does it with turns for the event loop. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  const turns = new Turns(PATIENCE_MS);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (turns.due) await turns.take();
  }
}

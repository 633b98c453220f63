/**
 * Ending a command by Ctrl-C.
 *
 * @module
 */

import process from "node:process";
import { setTimeout } from "node:timers";
import { ExitError } from "./exit_error.ts";

/** Exit code of a program that Ctrl-C ended. */
const INTERRUPTED = 130;
/** Milliseconds that a command has to end after that. */
const GRACE = 10_000;

/**
 * Runs a command that Ctrl-C, or the request of the system to end, aborts. A second Ctrl-C ends the program at once, and
 * so do ten seconds in which it does not end by itself.
 *
 * @param advice how to go on, for the message
 */
export async function interruptible<T>(run: (signal: AbortSignal) => Promise<T>, advice: () => string): Promise<T> {
  const interrupt = new AbortController();
  const stop = () => {
    if (interrupt.signal.aborted) process.exit(INTERRUPTED);
    interrupt.abort(new Error("interrupted"));
    setTimeout(() => process.exit(INTERRUPTED), GRACE).unref();
  };
  const names = ["SIGINT", "SIGTERM"] as const;
  for (const name of names) process.on(name, stop);
  try {
    return await run(interrupt.signal);
  } catch (error) {
    if (error !== interrupt.signal.reason) throw error;
    throw new ExitError(`interrupted: ${advice()}`, INTERRUPTED);
  } finally {
    for (const name of names) process.off(name, stop);
  }
}

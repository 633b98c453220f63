/**
 * Ending a command by Ctrl-C.
 *
 * @module
 */

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
    if (interrupt.signal.aborted) Deno.exit(INTERRUPTED);
    interrupt.abort(new Error("interrupted"));
    Deno.unrefTimer(setTimeout(() => Deno.exit(INTERRUPTED), GRACE));
  };
  const names: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const name of names) Deno.addSignalListener(name, stop);
  try {
    return await run(interrupt.signal);
  } catch (error) {
    if (error !== interrupt.signal.reason) throw error;
    throw new ExitError(`interrupted: ${advice()}`, INTERRUPTED);
  } finally {
    for (const name of names) Deno.removeSignalListener(name, stop);
  }
}

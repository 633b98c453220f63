/**
 * Errors with exit codes of their own.
 *
 * @module
 */

/** Ends the program with a message and an exit code. */
export class ExitError extends Error {
  constructor(message: string, readonly code: number) {
    super(message);
  }
}

/**
 * Turns for the event loop, for its timers, its network and what it does with garbage: promises that resolve at once, one
 * after the other, leave it none.
 *
 * @module
 */

/** Knows when the event loop is to have its turn. A turn takes some 3 ms, so it does not come after each short run. */
export class Turns {
  #last = performance.now();

  /** The event loop had its turn at least every `patience` milliseconds, if it is given whenever it is {@linkcode due}. */
  constructor(private readonly patience: number) {}

  /** Whether the last turn, as far as is known, was too long ago. */
  get due(): boolean {
    return performance.now() - this.#last >= this.patience;
  }

  /** Resolves after other tasks had their turn, the network's among them: in Deno, message channels starve it. */
  async take(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#last = performance.now();
  }
}

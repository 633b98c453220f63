/**
 * Yielding to the event loop, for timers, network and finalizers: a chain of promises that resolve immediately starves it.
 *
 * @module
 */

/** Decides when to yield to the event loop. A turn of it takes some 3 ms, too long after each short run. */
export class Turns {
  #last = performance.now();

  /** `patience` is how many milliseconds may pass between two turns. */
  constructor(private readonly patience: number) {}

  /** Whether the last turn was too long ago. */
  get due(): boolean {
    return performance.now() - this.#last >= this.patience;
  }

  /** Resolves after the event loop's other tasks ran. A timer, because message channels starve Deno's network. */
  async take(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#last = performance.now();
  }
}

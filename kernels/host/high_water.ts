/**
 * How much memory an engine keeps for the next call: what the last few needed.
 *
 * @module
 */

/** How many calls are looked back upon. */
const CALLS = 4;

/** The most bytes that one of the last four calls needed. */
export class HighWater {
  readonly #peaks: number[] = [];

  /** Takes note of what a call needed at its peak. */
  note(bytes: number): void {
    this.#peaks.push(bytes);
    if (this.#peaks.length > CALLS) this.#peaks.shift();
  }

  /** The bytes to keep. */
  get bytes(): number {
    return Math.max(0, ...this.#peaks);
  }
}

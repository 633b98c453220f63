/**
 * How much unused memory an engine keeps: the peak of its last calls.
 *
 * @module
 */

/** Number of calls that count. */
const CALLS = 4;

/** The high-water mark of the last four calls. */
export class HighWater {
  readonly #peaks: number[] = [];

  /** Records the peak of a call. */
  note(bytes: number): void {
    this.#peaks.push(bytes);
    if (this.#peaks.length > CALLS) this.#peaks.shift();
  }

  /** The highest peak in bytes. */
  get bytes(): number {
    return Math.max(0, ...this.#peaks);
  }
}

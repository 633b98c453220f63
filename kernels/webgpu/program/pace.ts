/**
 * Limits how much work is submitted at once. A queue cannot be stopped: a call that is aborted, or a model that is disposed,
 * waits for what was submitted, and Deno ends the process if a queue takes seconds to finish. So long networks are submitted
 * in parts, each when the one before is done. On a fast GPU, a network is one part.
 *
 * @module
 */

import type { OpCost } from "../../graph/cost.ts";
import { Turns } from "../../host/turns.ts";

/** Longest time that submitted work should take. */
export const LIMIT_MS = 300;
/** Factors for estimates of what was not measured yet: at first, and after other measurements. */
const [INITIAL_CAUTION, FINAL_CAUTION] = [8, 4];
/** A wait for an idle device takes up to this long in Deno. */
const IDLE_WAIT_MS = 30;
/** Longest time between turns of the event loop, which waiting for the device blocks in Deno. */
const PATIENCE_MS = 50;

/** Work of a device in a millisecond, for estimates before anything was measured: less than most can do. */
interface Speed {
  readonly flops: number;
  readonly bytes: number;
}
const SOFTWARE: Speed = { flops: 2e6, bytes: 1e6 };
const HARDWARE: Speed = { flops: 1e9, bytes: 1e8 };
/** Time of an empty dispatch. */
const DISPATCH_MS = 0.01;

/** Estimates how long a device will be busy. */
export class Pace {
  readonly #queue: GPUQueue;
  readonly #speed: Speed;
  readonly #now: () => number;
  /** Ratio of the last measured time to the estimate by `#speed`. */
  scale = 1;
  /** When the device became busy. */
  #since = 0;
  /** When it is expected to be done. */
  #until = 0;
  readonly #turns = new Turns(PATIENCE_MS);

  /** `now` returns the time in milliseconds. */
  constructor(queue: GPUQueue, software: boolean, now = () => performance.now()) {
    this.#queue = queue;
    this.#now = now;
    this.#speed = software ? SOFTWARE : HARDWARE;
  }

  /** Milliseconds that an op takes by the speed before anything was measured. */
  guess({ flops, bytes }: Pick<OpCost, "flops" | "bytes">): number {
    return flops / this.#speed.flops + bytes / this.#speed.bytes + DISPATCH_MS;
  }

  /** Whether the device would finish within the limit if work of this many milliseconds was submitted now. */
  hasRoom(milliseconds: number): boolean {
    const now = this.#now();
    return this.#until <= now || this.#until - now + milliseconds <= LIMIT_MS;
  }

  /** Adds work that was submitted, with the time that it is expected to take. */
  add(milliseconds: number): void {
    const now = this.#now();
    if (this.#until <= now) this.#since = this.#until = now;
    this.#until += milliseconds;
  }

  /** Waits until the device is idle. Returns the ratio of the time it took to the expected time, if that is known. */
  async settle(): Promise<number | undefined> {
    const [since, expected] = [this.#since, this.#until - this.#since];
    const began = this.#now();
    await this.#queue.onSubmittedWorkDone();
    const now = this.#now();
    this.#until = Math.min(this.#until, now);
    if (this.#turns.due) await this.#turns.take();
    const ratio = (now - since) / expected;
    return ratio < 1 || now - began > IDLE_WAIT_MS ? ratio : undefined; // otherwise it may have been idle for long
  }
}

/** Dispatches `[first, end)`, and the time that they are expected to take. */
export interface Part {
  readonly first: number;
  readonly end: number;
  readonly milliseconds: number;
}

/** Estimates the times of the dispatches of a program. */
export class Forecast {
  readonly #pace: Pace;
  /** Milliseconds of each dispatch by {@linkcode Pace.guess}. */
  readonly #guesses: readonly number[];
  /** Milliseconds of each dispatch that was measured. */
  readonly #measured: (number | undefined)[] = [];
  #caution = INITIAL_CAUTION;

  constructor(pace: Pace, dispatches: readonly { readonly op: OpCost }[]) {
    this.#pace = pace;
    const counts = new Map<OpCost, number>();
    for (const { op } of dispatches) counts.set(op, (counts.get(op) ?? 0) + 1);
    this.#guesses = dispatches.map(({ op }) => pace.guess(op) / counts.get(op)!);
  }

  /** The dispatches from `first` on that take at most `limit` milliseconds, at least one. */
  partFrom(first: number, limit: number): Part {
    let end = first + 1;
    let milliseconds = this.#expect(first);
    for (; end < this.#guesses.length && milliseconds + this.#expect(end) <= limit; end++) {
      milliseconds += this.#expect(end);
    }
    return { first, end, milliseconds };
  }

  /** Corrects the estimates of a part that took `ratio` times the expected time. */
  learn({ first, end }: Part, ratio: number): void {
    const scale = this.#caution * this.#pace.scale;
    for (let i = first; i < end; i++) {
      const measured = this.#measured[i];
      this.#measured[i] = ratio * (measured ?? scale * this.#guesses[i]);
      if (measured === undefined) this.#pace.scale = ratio * scale;
    }
    this.#caution = Math.max(FINAL_CAUTION, this.#caution / 2);
  }

  #expect(i: number): number {
    return this.#measured[i] ?? this.#caution * this.#pace.scale * this.#guesses[i];
  }
}

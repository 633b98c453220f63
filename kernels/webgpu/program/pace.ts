/**
 * How much a device is given to do at once. A queue cannot be stopped: a call that is cancelled, or a model that is disposed
 * of, waits for what was submitted, and in Deno a queue that takes seconds to end ends the process. So long networks are
 * submitted part by part, each when the one before is done. A GPU that computes all of it in less is given all of it.
 *
 * @module
 */

import type { OpCost } from "../../graph/cost.ts";
import { Turns } from "../../host/turns.ts";

/** What is submitted at once is to take no longer than this. */
export const LIMIT_MS = 300;
/** What was not measured yet is expected to take so many times as long as it seems: at first, and after other measurements. */
const [MOST_CAUTION, LEAST_CAUTION] = [8, 4];
/** A wait for a device that has nothing to do takes up to this long, in Deno. */
const IDLE_WAIT_MS = 30;
/** How long to wait for the device until the event loop gets its turn. */
const PATIENCE_MS = 50;

/** What a device computes and moves in a millisecond, before anything was measured: less than most do. */
interface Speed {
  readonly flops: number;
  readonly bytes: number;
}
const SOFTWARE: Speed = { flops: 2e6, bytes: 1e6 };
const HARDWARE: Speed = { flops: 1e9, bytes: 1e8 };
/** What a dispatch takes that has nothing to do. */
const DISPATCH_MS = 0.01;

/** Keeps account of what a device has to do. */
export class Pace {
  readonly #queue: GPUQueue;
  readonly #speed: Speed;
  readonly #now: () => number;
  /** How many times as long as by `#speed` what was measured last took. */
  scale = 1;
  /** Since when the device has had something to do, */
  #since = 0;
  /** and when that is expected to be done. */
  #until = 0;
  readonly #turns = new Turns(PATIENCE_MS);

  /** `now` is the time in milliseconds. */
  constructor(queue: GPUQueue, software: boolean, now = () => performance.now()) {
    this.#queue = queue;
    this.#now = now;
    this.#speed = software ? SOFTWARE : HARDWARE;
  }

  /** Milliseconds by the speed before anything was measured. */
  guess({ flops, bytes }: Pick<OpCost, "flops" | "bytes">): number {
    return flops / this.#speed.flops + bytes / this.#speed.bytes + DISPATCH_MS;
  }

  /** Whether the device would have done all within the limit, if it were given so many milliseconds more to do. */
  hasRoom(milliseconds: number): boolean {
    const now = this.#now();
    return this.#until <= now || this.#until - now + milliseconds <= LIMIT_MS;
  }

  /** Something was submitted that is expected to take so long. */
  add(milliseconds: number): void {
    const now = this.#now();
    if (this.#until <= now) this.#since = this.#until = now;
    this.#until += milliseconds;
  }

  /** Waits until all is done. Returns how many times as long as expected it took, if that can be told. */
  async settle(): Promise<number | undefined> {
    const [since, expected] = [this.#since, this.#until - this.#since];
    const began = this.#now();
    await this.#queue.onSubmittedWorkDone();
    const now = this.#now();
    this.#until = Math.min(this.#until, now);
    if (this.#turns.due) await this.#turns.take();
    const ratio = (now - since) / expected;
    return ratio < 1 || now - began > IDLE_WAIT_MS ? ratio : undefined; // or it may have been done long before
  }
}

/** Dispatches `[first, end)`, and how many milliseconds they are expected to take. */
export interface Part {
  readonly first: number;
  readonly end: number;
  readonly milliseconds: number;
}

/** How long the dispatches of a program are expected to take. */
export class Forecast {
  readonly #pace: Pace;
  /** By the device's speed, as it is before anything was measured. */
  readonly #guesses: readonly number[];
  /** Of dispatches that were measured. */
  readonly #measured: (number | undefined)[] = [];
  #caution = MOST_CAUTION;

  constructor(pace: Pace, dispatches: readonly { readonly op: OpCost }[]) {
    this.#pace = pace;
    const shares = Map.groupBy(dispatches, ({ op }) => op);
    this.#guesses = dispatches.map(({ op }) => pace.guess(op) / shares.get(op)!.length);
  }

  /** As many dispatches from `first` on as take no longer than `limit`, but at least one. */
  partFrom(first: number, limit: number): Part {
    let end = first + 1;
    let milliseconds = this.#expect(first);
    for (; end < this.#guesses.length && milliseconds + this.#expect(end) <= limit; end++) {
      milliseconds += this.#expect(end);
    }
    return { first, end, milliseconds };
  }

  /** Takes note that a part took `ratio` times as long as expected. */
  learn({ first, end }: Part, ratio: number): void {
    const scale = this.#caution * this.#pace.scale;
    for (let i = first; i < end; i++) {
      const measured = this.#measured[i];
      this.#measured[i] = ratio * (measured ?? scale * this.#guesses[i]);
      if (measured === undefined) this.#pace.scale = ratio * scale;
    }
    this.#caution = Math.max(LEAST_CAUTION, this.#caution / 2);
  }

  #expect(i: number): number {
    return this.#measured[i] ?? this.#caution * this.#pace.scale * this.#guesses[i];
  }
}

/**
 * Batches: items of one shape are gathered, whatever shard they are from, and computed together.
 *
 * @module
 */

import type { VQModel } from "../../mod.ts";

/** Options of {@linkcode batching}. */
export interface BatchingOptions<T, R> {
  /** Number of items in a batch. */
  readonly size: number;
  readonly signal: AbortSignal;
  /** A text that is the same for items that may be in one batch. */
  shapeOf(item: T): string;
  /** The results of a batch. */
  compute(model: VQModel, batch: readonly T[]): Promise<readonly R[]>;
  /** Whether no further item comes before one of those that wait is done, so that smaller batches are computed. */
  isStuck(): boolean;
}

/** Computes items in batches. */
export interface Batching<T, R> {
  /** The result of an item. */
  run(item: T): Promise<R>;
  /** Starts batches, as far as there are any. To be called when `isStuck` has changed. */
  start(): void;
}

/** An item that waits for its result. */
interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers batches for some models, which compute at the same time. */
export function batching<T, R>(models: readonly VQModel[], options: BatchingOptions<T, R>): Batching<T, R> {
  const { size, signal, shapeOf, isStuck } = options;
  const groups = new Map<string, Waiting<T, R>[]>();
  const idle = [...models];
  signal.addEventListener("abort", () => {
    for (const { reject } of groups.values().flatMap((group) => group)) reject(signal.reason);
  });

  /** A full batch, or else the oldest one if it will not get larger. */
  function take(): Waiting<T, R>[] | undefined {
    const full = groups.entries().find(([, group]) => group.length >= size);
    const [shape, group] = full ?? (isStuck() ? groups.entries().next().value : undefined) ?? [];
    if (shape === undefined || group === undefined) return undefined;
    groups.delete(shape);
    const rest = group.splice(size);
    if (rest.length > 0) groups.set(shape, rest);
    return group;
  }

  function start(): void {
    while (idle.length > 0) {
      const batch = take();
      if (!batch) return;
      compute(idle.pop()!, batch);
    }
  }

  async function compute(model: VQModel, batch: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const results = await options.compute(model, batch.map(({ item }) => item));
      batch.forEach(({ resolve }, i) => resolve(results[i]));
    } catch (error) {
      batch.forEach(({ reject }) => reject(error));
    }
    idle.push(model);
    start();
  }

  return {
    run(item) {
      const shape = shapeOf(item);
      return new Promise((resolve, reject) => {
        const waiting = { item, resolve, reject };
        const group = groups.get(shape);
        if (group) group.push(waiting);
        else groups.set(shape, [waiting]);
        start();
      });
    },
    start,
  };
}

/**
 * Batches: items of one shape are gathered, whatever shard they are from, and computed together.
 *
 * @module
 */

import type { BatchSizes } from "./batch_size.ts";
import type { EngineModel, OpenEngines } from "./engines.ts";

/** Options of {@linkcode batching}. */
export interface BatchingOptions<T, R> {
  /** The number of items of a shape in a batch. */
  readonly sizes: BatchSizes;
  readonly signal: AbortSignal;
  /** The shape of an item, without the batch dimension: items of one shape may be in one batch. */
  shapeOf(item: T): readonly number[];
  /** The results of a batch. */
  compute(model: EngineModel, batch: readonly T[]): Promise<readonly R[]>;
  /** Whether no further item comes before one of those that wait is done, so that smaller batches are computed. */
  isStuck(): boolean;
}

/** Computes items in batches. */
export interface Batching<T, R> {
  /** The result of an item. Throws what `sizes.of` throws. */
  run(item: T): Promise<R>;
  /** Starts batches, as far as there are any. To be called when `isStuck` has changed. */
  start(): void;
}

/** Items of one shape that wait. */
interface Group<T, R> {
  readonly shape: readonly number[];
  readonly waiting: Waiting<T, R>[];
}

/** An item that waits for its result. */
interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers batches for models that compute at the same time. */
export function batching<T, R>(engines: OpenEngines, options: BatchingOptions<T, R>): Batching<T, R> {
  const { signal, sizes, shapeOf, isStuck } = options;
  const groups = new Map<string, Group<T, R>>();
  signal.addEventListener("abort", () => {
    for (const { reject } of [...groups.values()].flatMap(({ waiting }) => waiting)) reject(signal.reason);
  });

  const sizeOf = (shape: readonly number[]) => sizes.of(shape, engines.threads);

  /** A full batch, or else the oldest one if it will not get larger. */
  function take(): Group<T, R> | undefined {
    const full = [...groups].find(([, { shape, waiting }]) => waiting.length >= sizeOf(shape));
    const [name, group] = full ?? (isStuck() ? groups.entries().next().value : undefined) ?? [];
    if (name === undefined || group === undefined) return undefined;
    groups.delete(name);
    const { shape, waiting } = group;
    const size = sizeOf(shape);
    if (waiting.length > size) groups.set(name, { shape, waiting: waiting.slice(size) });
    return { shape, waiting: waiting.slice(0, size) };
  }

  function start(): void {
    while (engines.isFree()) {
      const batch = take();
      if (!batch) return;
      compute(engines.take(batch.waiting.length), batch);
    }
  }

  async function compute(model: EngineModel, { shape, waiting }: Group<T, R>): Promise<void> {
    const done = sizes.start(model, shape, waiting.length);
    try {
      const results = await options.compute(model, waiting.map(({ item }) => item));
      done();
      waiting.forEach(({ resolve }, i) => resolve(results[i]));
    } catch (error) {
      waiting.forEach(({ reject }) => reject(error));
    }
    engines.give(model, waiting.length, sizes.chosen() !== undefined);
    start();
  }

  return {
    run(item) {
      return new Promise((resolve, reject) => {
        const shape = shapeOf(item);
        const name = `${shape}`;
        sizes.of(shape);
        const group = groups.get(name) ?? { shape, waiting: [] };
        groups.set(name, group);
        group.waiting.push({ item, resolve, reject });
        start();
      });
    },
    start,
  };
}

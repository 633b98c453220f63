/**
 * Batches: pictures of one size are gathered, whatever shard they are from, and computed together.
 *
 * @module
 */

import type { Picture, VQModel } from "../../mod.ts";
import type { Preparer } from "./prepare.ts";

/** The tokens of one picture. */
export interface PictureTokens {
  readonly indices: Int32Array;
  readonly shape: readonly [h: number, w: number];
}

/** A picture that waits for its tokens. */
interface Waiting {
  readonly picture: Picture;
  readonly resolve: (tokens: PictureTokens) => void;
  readonly reject: (error: unknown) => void;
}

/** Options of {@linkcode batching}. */
export interface BatchingOptions {
  readonly preparer: Preparer;
  /** Number of pictures in a batch. */
  readonly size: number;
  readonly signal: AbortSignal;
  /** Whether no further picture comes before one of those that wait has its tokens, so that a batch must not be awaited. */
  isStuck(): boolean;
}

/** Computes tokens in batches. */
export interface Batching {
  /** The tokens of a picture. */
  tokenize(picture: Picture): Promise<PictureTokens>;
  /** Starts batches, as far as there are any. To be called when `isStuck` has changed. */
  start(): void;
}

/** Gathers batches for some models, which compute at the same time. */
export function batching(models: readonly VQModel[], options: BatchingOptions): Batching {
  const { preparer, size, signal, isStuck } = options;
  const groups = new Map<string, Waiting[]>();
  const idle = [...models];
  signal.addEventListener("abort", () => {
    for (const { reject } of groups.values().flatMap((group) => group)) reject(signal.reason);
  });

  function take(): Waiting[] | undefined {
    const full = groups.entries().find(([, group]) => group.length >= size);
    const [name, group] = full ?? (isStuck() ? groups.entries().next().value : undefined) ?? [];
    if (group === undefined) return undefined;
    groups.delete(name!); // a rest comes back as the newest
    const rest = group.splice(size);
    if (rest.length > 0) groups.set(name!, rest);
    return group;
  }

  function start(): void {
    while (idle.length > 0) {
      const batch = take();
      if (!batch) return;
      compute(idle.pop()!, batch);
    }
  }

  async function compute(model: VQModel, batch: Waiting[]): Promise<void> {
    try {
      using sample = await preparer.stack(batch.map(({ picture }) => picture));
      const { indices, shape: [, h, w] } = await model.tokenize(sample, { signal });
      batch.forEach(({ resolve }, i) => resolve({ indices: indices.slice(i * h * w, (i + 1) * h * w), shape: [h, w] }));
    } catch (error) {
      batch.forEach(({ reject }) => reject(error));
    }
    idle.push(model);
    start();
  }

  return {
    tokenize(picture) {
      const name = `${picture.width}×${picture.height}`;
      return new Promise((resolve, reject) => {
        const group = groups.get(name);
        if (group) group.push({ picture, resolve, reject });
        else groups.set(name, [{ picture, resolve, reject }]);
        start();
      });
    },
    start,
  };
}

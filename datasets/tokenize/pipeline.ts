/**
 * From the pictures of shards to their tokens: reading, preparing and computing overlap.
 *
 * @module
 */

import { availableParallelism } from "node:os";
import { reasonOf, showMessage } from "../../hub/show.ts";
import type { Picture } from "../../mod.ts";
import type { PictureFailure } from "../output/manifest.ts";
import type { DatasetPicture, DatasetShard, TokenRecord } from "../types.ts";
import { batchSizes } from "../compute/batch_size.ts";
import { batching } from "../compute/batches.ts";
import type { Engines } from "../compute/engines.ts";
import { mirrored, type PrepareOptions, preparerFor } from "./prepare.ts";

/** Most bytes of files and pixels in memory before another picture is read. */
const MAX_BYTES = 256 * 2 ** 20;

/** Pictures that are decoded at a time: enough for every core, while others are read. */
const MAX_PREPARING = 2 * availableParallelism();

/** What became of a picture: its records, one for each variant, or why there are none. */
export type Outcome = readonly TokenRecord[] | PictureFailure;

/** A shard cannot be read; `cause` says why. */
export class UnreadError extends Error {}

/** Options of {@linkcode pipeline}. */
export interface PipelineOptions extends PrepareOptions {
  /** Number of pictures in a batch; by default as many as are fast and fit. */
  readonly batch?: number;
  readonly signal: AbortSignal;
  /** The number of pictures that are left, if known. */
  left(): number | undefined;
}

/** The tokens of one picture. */
interface PictureTokens {
  readonly indices: Int32Array;
  readonly shape: readonly [h: number, w: number];
}

/** Tokenizes the pictures of shards. */
export interface Pipeline {
  /** Number of pictures in a batch, once it is chosen. */
  readonly batch?: number;
  /**
   * Starts to read a shard. The next one may be opened when this one was read; its outcomes may come later.
   *
   * @param kept the records of pictures that need not be tokenized again; `undefined` for others
   */
  open(shard: DatasetShard, kept?: (picture: DatasetPicture) => Promise<readonly TokenRecord[] | undefined>): ShardRun;
  /** Says that there are no more shards, so that smaller batches are computed. */
  end(): void;
}

/** The run of a shard through a pipeline. */
export interface ShardRun {
  /** Resolves when all pictures of the shard were read, or no more can be, so that the next shard may begin. */
  readonly read: Promise<void>;
  /** What became of each picture, in order. It throws an {@linkcode UnreadError} if the shard cannot be read to its end. */
  readonly outcomes: AsyncIterable<Outcome>;
}

/** Starts a pipeline for models that compute at the same time. */
export function pipeline(engines: Engines, options: PipelineOptions): Pipeline {
  const { batch, signal, augment, left, ...prepareOptions } = options;
  const { model } = engines;
  const preparer = preparerFor(model, prepareOptions);
  const maxOutstanding = Math.max(64, 4 * (batch ?? 1) * engines.maxEngines);
  const sizes = batchSizes(model, "tokenize", batch);
  const open = engines.open(left);
  const shapeOf = ({ height, width }: Picture) => [model.config.in_channels, height, width];
  /** Pictures that are decoded now; that are read, but not passed on; and the bytes of their files and pixels. */
  let [preparing, outstanding, bytes] = [0, 0, 0];
  let isReading = true;
  let wake = () => {};

  const batches = batching<Picture, PictureTokens>(open, {
    sizes,
    signal,
    shapeOf,
    async compute(model, pictures) {
      const sample = await preparer.stack(pictures);
      const { indices, shape: [, h, w] } = await model.tokenize(sample, { signal }).finally(() => sample.dispose());
      return pictures.map((_, i) => ({ indices: indices.slice(i * h * w, (i + 1) * h * w), shape: [h, w] }));
    },
    isStuck: () => !isReading && preparing === 0,
  });
  signal.addEventListener("abort", () => wake());

  function changed(): void {
    wake();
    batches.start();
  }

  /** Waits until there is room for another picture. */
  async function room(): Promise<void> {
    isReading = false;
    while (preparing >= MAX_PREPARING || outstanding >= maxOutstanding || bytes >= MAX_BYTES) {
      batches.start();
      await new Promise<void>((resolve) => wake = resolve);
      signal.throwIfAborted();
    }
    isReading = true;
  }

  async function prepare(file: Uint8Array<ArrayBuffer>) {
    preparing++;
    bytes += file.length;
    try {
      const prepared = await preparer.prepare(file, signal);
      sizes.of(shapeOf(prepared.picture)); // throws if it does not fit the model or the memory
      const variants = augment === "hflip" ? [prepared.picture, mirrored(prepared.picture)] : [prepared.picture];
      return { ...prepared, variants };
    } finally {
      preparing--;
      bytes -= file.length;
      wake();
    }
  }

  async function tokenize(variants: readonly Picture[]) {
    const size = variants.reduce((sum, { data }) => sum + data.length, 0);
    bytes += size;
    try {
      return await Promise.all(variants.map((picture) => batches.run(picture)));
    } finally {
      bytes -= size;
      changed();
    }
  }

  async function outcomeOf({ key, name }: DatasetPicture, file: Promise<Uint8Array<ArrayBuffer>>): Promise<Outcome> {
    let prepared: Awaited<ReturnType<typeof prepare>>;
    try {
      prepared = await prepare(await file);
    } catch (error) {
      changed();
      signal.throwIfAborted();
      if ((error as Error)?.name === "NotCapable") throw error; // says which permission to give
      return { key, name, reason: showMessage(reasonOf(error)) };
    }
    const { picture: { width, height }, sha256, variants } = prepared;
    const tokens = await tokenize(variants);
    return tokens.map(({ indices, shape }, i): TokenRecord =>
      i === 0
        ? { key, indices, shape, width, height, sha256 }
        : { key: `${key}_hflip`, indices, shape, width, height, sha256, augment }
    );
  }

  return {
    get batch() {
      return sizes.chosen(open.threads);
    },
    open(shard, kept) {
      let controller!: ReadableStreamDefaultController<Promise<Outcome>>;
      const slots = new ReadableStream<Promise<Outcome>>({ start: (started) => void (controller = started) });

      async function read(): Promise<void> {
        try {
          for await (const picture of shard.open(signal)) {
            await room();
            const records = await kept?.(picture);
            const file = records ? undefined : picture.bytes();
            const outcome = file ? outcomeOf(picture, file) : Promise.resolve(records!);
            outcome.catch(() => {}); // reported to the reader of the outcomes
            outstanding++;
            controller.enqueue(outcome);
            await file?.catch(() => {}); // reported by the outcome
          }
          controller.close();
        } catch (cause) {
          controller.error(signal.aborted ? signal.reason : new UnreadError(reasonOf(cause), { cause }));
        }
      }

      async function* outcomes(): AsyncGenerator<Outcome> {
        for await (const slot of slots) {
          const outcome = await slot;
          outstanding--;
          changed();
          yield outcome;
        }
      }

      return { read: read(), outcomes: outcomes() };
    },
    end() {
      isReading = false;
      batches.start();
    },
  };
}

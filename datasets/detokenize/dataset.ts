/**
 * Turns the tokens of whole data sets into pictures.
 *
 * @module
 */

import { checkOptions, type OptionNames } from "../../hub/mod.ts";
import { type Codebook, ImageProcessor, type ImageProcessorOptions, type Picture, type VQModel } from "../../mod.ts";
import { batchSizes } from "../compute/batch_size.ts";
import { batching } from "../compute/batches.ts";
import { type Engines, enginesFor } from "../compute/engines.ts";
import type { TokenRecord } from "../types.ts";

/** A picture of a data set that was made of tokens. */
export interface DetokenizedPicture {
  /** The key of its tokens. */
  readonly key: string;
  /** The picture. */
  readonly picture: Picture;
}

/** Options of {@linkcode detokenizeDataset}. */
export interface DetokenizeDatasetOptions extends Pick<ImageProcessorOptions, "doNormalize"> {
  /** Number of pictures in a batch. Default: on a CPU 1 or 4, as the first batches show; on a GPU up to 8, as they fit. */
  batch?: number;
  /** Aborts. */
  signal?: AbortSignal;
}

const OPTIONS: OptionNames<DetokenizeDatasetOptions> = { batch: true, doNormalize: true, signal: true };

/** Tokens of a picture, and the codebook that they belong to, if known. */
export interface TokensToDecode extends Pick<TokenRecord, "key" | "indices" | "shape"> {
  /** The model refuses tokens of another codebook. */
  readonly codebook?: Codebook;
}

/**
 * Turns tokens into pictures, in their order. Grids of one shape are computed in batches.
 *
 * @param model the model, or several of the same files, which compute at the same time; or {@linkcode chooseEngines}, which
 * finds out what is fastest
 * @throws {RangeError} if tokens belong to another codebook, or are not in it
 */
export async function* detokenizeDataset(
  model: VQModel | readonly VQModel[] | Engines,
  records: AsyncIterable<TokensToDecode>,
  options: DetokenizeDatasetOptions = {},
): AsyncGenerator<DetokenizedPicture> {
  checkOptions("detokenize data set", options, OPTIONS);
  yield* decodeTokens(enginesFor(model), records, options);
}

/**
 * Turns tokens into pictures, as {@linkcode detokenizeDataset} does.
 *
 * @param left says how many pictures are left, if known
 */
export async function* decodeTokens(
  engines: Engines,
  records: AsyncIterable<TokensToDecode>,
  { left = () => undefined, ...options }: DetokenizeDatasetOptions & { readonly left?: () => number | undefined },
): AsyncGenerator<DetokenizedPicture> {
  const { batch, doNormalize } = options;
  const own = await engines.model.codebook();
  const signal = options.signal ?? new AbortController().signal;
  const processor = ImageProcessor.for(engines.model, { doNormalize });
  let isReading = true;
  const batches = batching<TokensToDecode, Picture>(engines.open(left), {
    sizes: batchSizes(engines.model, "detokenize", batch),
    signal,
    shapeOf: ({ shape }) => shape,
    async compute(model, records) {
      const [{ shape }] = records;
      const indices = new Int32Array(records.length * shape[0] * shape[1]);
      records.forEach((record, i) => indices.set(record.indices, i * shape[0] * shape[1]));
      const foreign = records.find(({ codebook }) => codebook && codebook.hash !== own.hash);
      const tokens = { indices, shape: [records.length, ...shape], codebook: foreign?.codebook }; // which the model refuses
      const decoded = await model.detokenize(tokens, { signal });
      return await processor.postprocess(decoded).finally(() => decoded.dispose());
    },
    isStuck: () => !isReading,
  });
  const slots: Promise<DetokenizedPicture>[] = [];
  const maxSlots = Math.max(16, 2 * (batch ?? 1) * engines.maxEngines);

  async function next(): Promise<DetokenizedPicture> {
    isReading = false;
    batches.start();
    const picture = await slots.shift()!;
    isReading = true;
    return picture;
  }

  for await (const record of records) {
    signal.throwIfAborted();
    const slot = batches.run(record).then((picture) => ({ key: record.key, picture }));
    slot.catch(() => {}); // reported in its turn
    slots.push(slot);
    if (slots.length >= maxSlots) yield await next();
  }
  while (slots.length > 0) yield await next();
}

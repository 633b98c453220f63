/**
 * Tokenizes whole data sets.
 *
 * @module
 */

import { checkOptions, type OptionNames } from "../../hub/mod.ts";
import { showMessage } from "../../hub/show.ts";
import type { TokenDType, VQModel } from "../../mod.ts";
import { type Engines, enginesFor } from "../compute/engines.ts";
import type { Manifest, PictureFailure, ShardEntry } from "../output/manifest.ts";
import type { OpenSink, TokenSink } from "../output/sinks.ts";
import { isIncomplete, type UnreadShard } from "../output/token_store.ts";
import type { DatasetPicture, DatasetProgress, DatasetShard, DatasetSource, TokenRecord } from "../types.ts";
import { type Outcome, pipeline, UnreadError } from "./pipeline.ts";
import type { PrepareOptions } from "./prepare.ts";
import { tokenSetInfo, tokenSettings } from "./settings.ts";

/** Options of {@linkcode tokenizeDataset}: how pictures are prepared, and what to do. */
export interface TokenizeDatasetOptions extends PrepareOptions {
  /** Number of pictures in a batch. Default: on a CPU 1 or 4, as the first batches show; on a GPU up to 8, as they fit. */
  batch?: number;
  /** The type of the stored numbers. Default: the smallest unsigned type that holds the codebook. */
  dtype?: TokenDType;
  /** Whether pictures that failed in an earlier run are tried again. Default false. */
  retryFailures?: boolean;
  /** Whether finished shards are checked by their hash, not only by their size. Default false. */
  verify?: boolean;
  /** Aborts. What is not finished then is done by the next call. */
  signal?: AbortSignal;
  /** Called often. */
  onProgress?: (progress: DatasetProgress) => void;
}

const OPTIONS: OptionNames<TokenizeDatasetOptions> = {
  height: true,
  width: true,
  resample: true,
  resizeMode: true,
  crop: true,
  doNormalize: true,
  applyOrientation: true,
  maxPixels: true,
  augment: true,
  batch: true,
  dtype: true,
  retryFailures: true,
  verify: true,
  signal: true,
  onProgress: true,
};

/** A shard could not be read. */
export class SourceError extends Error {}

/**
 * Tokenizes the pictures of a data set. The tokens are those of single calls of `model.tokenize`, bit for bit.
 *
 * Shards that an earlier call finished are skipped, and others are made anew, so that a call that was interrupted is
 * continued by the same call again. A picture that cannot be read is recorded as a failure and does not end the call; nor does
 * an archive, which the next call tries again.
 *
 * @param model the model, or several of the same files, which compute at the same time; or {@linkcode chooseEngines}, which
 * finds out what is fastest
 * @returns the manifest
 * @throws {RangeError} if the sink holds tokens that were made otherwise, or another call writes there
 * @throws {TypeError} if a file cannot be written, or for an unknown option
 */
export async function tokenizeDataset(
  model: VQModel | readonly VQModel[] | Engines,
  source: DatasetSource,
  sink: TokenSink,
  options: TokenizeDatasetOptions = {},
): Promise<Manifest> {
  checkOptions("tokenize data set", options, OPTIONS);
  return await withSink(model, source, sink, options, {}, async (engines, open) => {
    return await open.finish(await tokenizeShards(engines, open, options));
  });
}

/**
 * Tokenizes one shard of a data set, unless it is there. Any number of processes may do so at the same time, each with
 * another shard; {@linkcode tokenizeDataset} completes the sink in the end.
 *
 * @param name the shard's
 * @returns what is recorded of it
 * @throws {RangeError} if there is no such shard; and as {@linkcode tokenizeDataset} does
 * @throws {SourceError} if the shard cannot be read
 */
export async function tokenizeShard(
  model: VQModel | readonly VQModel[] | Engines,
  source: DatasetSource,
  sink: TokenSink,
  name: string,
  options: TokenizeDatasetOptions = {},
): Promise<ShardEntry> {
  checkOptions("tokenize shard", options, OPTIONS);
  return await withSink(model, source, sink, options, { shared: true }, async (engines, open) => {
    if (!source.shards.some((shard) => shard.name === name)) {
      throw new RangeError(`Cannot tokenize shard ${name}: the data set has no shard of that name`);
    }
    const shard = open.shards.find((shard) => shard.name === name) ?? open.shards[0]; // of a whole file that is finished
    const [unread] = await tokenizeShards(engines, { ...open, shards: [shard] }, options);
    if (unread) throw new SourceError(showMessage(`Cannot read the shard ${name}: ${unread.reason}`));
    return (await open.store.find(shard, { verify: false }))!.entry;
  });
}

async function withSink<T>(
  model: VQModel | readonly VQModel[] | Engines,
  source: DatasetSource,
  sink: TokenSink,
  options: TokenizeDatasetOptions,
  access: { shared?: boolean },
  use: (engines: Engines, open: OpenSink) => Promise<T>,
): Promise<T> {
  const engines = enginesFor(model);
  const info = await tokenSetInfo(engines.model, options.dtype);
  const settings = tokenSettings(engines.model, info, sink.format, prepareOptionsOf(options));
  const open = await sink.open(source, settings, info, access);
  try {
    return await use(engines, open);
  } finally {
    await open.close();
  }
}

function prepareOptionsOf(options: TokenizeDatasetOptions): PrepareOptions {
  const { batch: _b, dtype: _d, retryFailures: _r, verify: _v, signal: _s, onProgress: _o, ...prepare } = options;
  return prepare;
}

/** Tokenizes the shards that are not finished. Returns those that could not be read. */
async function tokenizeShards(
  engines: Engines,
  { shards, store }: OpenSink,
  options: TokenizeDatasetOptions,
): Promise<UnreadShard[]> {
  const { batch, retryFailures = false, verify = false } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])]);
  const pipe = pipeline(engines, { ...prepareOptionsOf(options), batch, signal, left: () => report.left() });
  const computing = () => ({ models: engines.use.engines, engines: engines.use, batch: pipe.batch });
  const report = reporter(shards, computing, options.onProgress);
  const unread: UnreadShard[] = [];
  const writing = new Set<Promise<void>>();

  async function start(shard: DatasetShard): Promise<void> {
    const found = await store.find(shard, { verify });
    if (found && !(retryFailures && found.failures.length > 0)) return report.skipped(found.entry);
    const kept = found && !isIncomplete(shard, found)
      ? keeping(store.read(shard), found.failures, options.augment === "hflip" ? 2 : 1)
      : undefined;
    const run = pipe.open(shard, kept?.take);
    const write = writeShard(shard, run.outcomes, kept?.end).finally(() => writing.delete(write));
    writing.add(write);
    await run.read;
  }

  async function writeShard(
    shard: DatasetShard,
    outcomes: AsyncIterable<Outcome>,
    atEnd: () => Promise<void> = async () => {},
  ): Promise<void> {
    const failures: PictureFailure[] = [];
    async function* records(): AsyncGenerator<TokenRecord> {
      for await (const outcome of outcomes) {
        report.done(outcome);
        if (isFailure(outcome)) failures.push(outcome);
        else yield* outcome;
      }
      await atEnd();
    }
    try {
      await store.write(shard, records(), failures);
      report.finished();
    } catch (error) {
      if (!(error instanceof UnreadError)) return stop.abort(error);
      unread.push({ shard, reason: showMessage(error.message) });
      report.failed();
    }
  }

  try {
    for (const shard of shards) {
      signal.throwIfAborted();
      await start(shard);
    }
  } catch (error) {
    stop.abort(error);
  }
  pipe.end();
  await Promise.all(writing);
  signal.throwIfAborted();
  return unread.toSorted((a, b) => shards.indexOf(a.shard) - shards.indexOf(b.shard));
}

function isFailure(outcome: Outcome): outcome is PictureFailure {
  return "reason" in outcome;
}

/** Takes the records of pictures that did not fail from the file of an earlier run. */
function keeping(records: AsyncIterable<TokenRecord>, failures: readonly PictureFailure[], variants: number) {
  const failed = new Set(failures.map(({ name }) => name));
  const iterator = records[Symbol.asyncIterator]();
  const mismatch = () =>
    new TypeError("its pictures are not those of the run that failed: run the same command, or remove its file");
  return {
    async take({ name }: DatasetPicture): Promise<TokenRecord[] | undefined> {
      if (failed.delete(name)) return undefined;
      const kept: TokenRecord[] = [];
      for (let i = 0; i < variants; i++) {
        const { done, value } = await iterator.next();
        if (done) throw mismatch();
        kept.push(i === 0 ? value : { ...value, augment: "hflip" }); // not every format stores it
      }
      return kept;
    },
    async end(): Promise<void> {
      if (failed.size > 0 || !(await iterator.next()).done) throw mismatch();
    },
  };
}

/** Counts what is done, and reports it. */
function reporter(
  shards: readonly DatasetShard[],
  computing: () => Pick<DatasetProgress, "models" | "engines" | "batch">,
  onProgress: (progress: DatasetProgress) => void = () => {},
) {
  const isKnown = shards.every(({ pictures }) => pictures !== undefined);
  const state = {
    shards: 0,
    totalShards: shards.length,
    pictures: 0,
    totalPictures: isKnown ? shards.reduce((sum, { pictures }) => sum + pictures!, 0) : undefined,
    newPictures: 0,
    newTokens: 0,
    failures: 0,
  };
  const report = () => onProgress({ ...state, ...computing() });
  return {
    /** Number of pictures that are left, if known. */
    left: () => state.totalPictures === undefined ? undefined : state.totalPictures - state.pictures,
    /** A shard of an earlier run. */
    skipped({ pictures, failures }: ShardEntry): void {
      state.shards++;
      state.pictures += pictures + failures;
      state.failures += failures;
      report();
    },
    /** A picture. */
    done(outcome: Outcome): void {
      state.pictures++;
      state.newPictures++;
      if (isFailure(outcome)) state.failures++;
      else for (const { indices } of outcome) state.newTokens += indices.length;
      report();
    },
    /** A shard that cannot be read. */
    failed(): void {
      state.failures++;
      report();
    },
    /** A shard of this run. */
    finished(): void {
      state.shards++;
      report();
    },
  };
}

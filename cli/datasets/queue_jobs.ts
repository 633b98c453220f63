/**
 * Tokenizing data sets on workers: one job for each shard.
 *
 * @module
 */

import { stat } from "node:fs/promises";
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import {
  type DatasetSource,
  openSource,
  PACKAGE,
  type Queue,
  SourceError,
  tokenizeShard,
  type TokenSink,
} from "../../datasets/mod.ts";
import { type Options, READING, WHOLE_DATASETS } from "../options.ts";
import { isUrl } from "../pictures.ts";
import { loadEngines } from "./engines.ts";
import { type DatasetOutput, sideOf, sinkOf, tokenizeOptionsOf } from "./tokenize_dataset.ts";

/** What a worker needs to know to tokenize a shard. */
export interface ShardJob {
  /** The package that published it, and its version. */
  readonly package: string;
  readonly model: string;
  /** The inputs; or a file that lists them as JSON, if they are many. */
  readonly inputs: readonly string[] | string;
  readonly output: DatasetOutput;
  /** The options that change tokens, and how the model is found. */
  readonly options: Options;
  readonly shard: string;
}

/** Options that concern the machine, or how the command talks. Each worker has its own. */
const OF_MACHINE = [
  "device",
  "threads",
  "memory-limit",
  "no-restart",
  "queue",
  "watch",
  "redelivery",
  "json",
  "quiet",
  "output",
];

/** Most characters of inputs in a job, which is one of many, and of a message that servers limit to 1 MB. */
const MAX_INPUTS = 2 ** 14;

/** The extension of a file that lists inputs. Its name is the SHA-256 of its content. */
const INPUTS = ".inputs";
const LIST_OF_INPUTS = /[\\/][0-9a-f]{64}\.inputs$/;

/** A data set that is to be tokenized by workers. */
export type DatasetJob = Omit<ShardJob, "shard" | "package" | "inputs"> & { readonly inputs: readonly string[] };

/** Publishes a job for each shard, unless it is finished, pending or running. Returns how many were published. */
export async function publishShards(queue: Queue, job: DatasetJob, source: DatasetSource): Promise<number> {
  const options = Object.fromEntries(Object.entries(job.options).filter(([name]) => !OF_MACHINE.includes(name)));
  const output = { ...job.output, path: resolve(job.output.path) };
  const sink = sinkOf(output);
  const model = await stat(job.model).then(() => resolve(job.model), () => job.model);
  const { pending, running } = await queue.status();
  if (pending + running === 0) await queue.forget(); // what it did before is not counted
  const unfinished = await sink.unfinished(source);
  if (unfinished.length === 0) return 0;
  const inputs = await storeInputs(await Promise.all(job.inputs.map(absolute)), sink);
  let published = 0;
  for (const { name } of unfinished) {
    const value: ShardJob = { package: PACKAGE, model, inputs, output, options, shard: name };
    if (await queue.publish(`${output.path}#${name}`, value)) published++;
  }
  return published;
}

/** An input as other working directories know it. */
async function absolute(input: string): Promise<string> {
  if (isUrl(input)) return input;
  const isList = input.startsWith("@") && !await stat(input).catch(() => undefined);
  return isList ? `@${resolve(input.slice(1))}` : resolve(input);
}

/** What a job says of the inputs. Many are written once, where tokens that are not finished are. */
async function storeInputs(inputs: readonly string[], { work }: TokenSink): Promise<ShardJob["inputs"]> {
  const text = JSON.stringify(inputs);
  if (text.length <= MAX_INPUTS) return inputs;
  const path = join(work, `${createHash("sha256").update(text).digest("hex")}${INPUTS}`);
  const temporary = join(work, `${crypto.randomUUID()}.incomplete`);
  await mkdir(work, { recursive: true });
  await writeFile(temporary, text);
  await rename(temporary, path);
  return path;
}

/**
 * The inputs of a job.
 *
 * @throws {SourceError} if the file that lists them cannot be read
 */
async function inputsOf({ inputs }: ShardJob): Promise<readonly string[]> {
  if (typeof inputs !== "string") return inputs;
  const text = await readFile(inputs, "utf-8").catch((cause) => {
    const advice = "Workers must see the folder of the output; publish the data set again";
    throw new SourceError(`Cannot read the list of inputs ${inputs}: ${cause.message}. ${advice}`, { cause });
  });
  if (createHash("sha256").update(text).digest("hex") === basename(inputs, INPUTS)) return JSON.parse(text);
  throw new SourceError(`Cannot read ${inputs}: expected the list of inputs that was published, found another file`);
}

/** A message in the queue is no job of this command. */
export class ForeignJobError extends TypeError {}

/** The job is of another version of this package. */
export class WrongVersionError extends TypeError {}

/**
 * Checks what the queue holds: anyone who may use it can publish there.
 *
 * @throws {ForeignJobError} if it is no job
 * @throws {WrongVersionError} if another version published it
 */
function checkJob(value: unknown): ShardJob {
  const { package: made, model, inputs, output, options, shard } = Object(value) as Partial<ShardJob>;
  const texts = [model, shard, output?.path, output?.format, ...(Array.isArray(inputs) ? inputs : [])];
  const isKind = output?.kind === "folder" || output?.kind === "file";
  const isListed = Array.isArray(inputs) || LIST_OF_INPUTS.test(`${inputs}`);
  if (texts.some((text) => typeof text !== "string") || !isListed || !isKind || Object(options) !== options) {
    throw new ForeignJobError("expected a job of vqmodel tokenize --queue, found another message");
  }
  if (made === PACKAGE) return value as ShardJob;
  // Another version may make other tokens.
  throw new WrongVersionError(
    `this worker has ${PACKAGE}, the job is of ${made ?? "another version"}: use the same version`,
  );
}

/** Handles jobs. Models and lists of files are kept from one to the next. */
export interface ShardWorker extends Disposable {
  /**
   * Tokenizes a shard, unless it is there. Returns the number of its pictures.
   *
   * @throws {ForeignJobError} if the value is no job
   * @throws {WrongVersionError} if another version published it
   * @throws {SourceError} if the shard cannot be read
   */
  handle(value: unknown, alive: () => void): Promise<number>;
}

/** A worker with the options of its machine. */
export function shardWorker(own: Options, signal: AbortSignal): ShardWorker {
  const sources = onlyLast(async (job: ShardJob) => {
    return await openSource(await inputsOf(job), { shardSize: Number(job.options["shard-size"] ?? 1000) });
  }, (job) => [job.inputs, job.options["shard-size"]]);
  const engines = onlyLast(
    (job: ShardJob) =>
      loadEngines(job.model, { ...job.options, ...own }, { only: "encoder", side: sideOf(job.options) }),
    (job) => [job.model, Object.entries(job.options).filter(([name]) => !isOfPictures(name))],
    (engines) => engines[Symbol.dispose](),
  );
  return {
    async handle(value, alive) {
      const job = checkJob(value);
      const { output, options, shard } = job;
      const source = await sources.for(job);
      const loaded = await engines.for(job);
      const { pictures } = await tokenizeShard(loaded, source, sinkOf(output), shard, {
        ...tokenizeOptionsOf(loaded.model, options),
        signal,
        onProgress: alive,
      });
      return pictures;
    },
    [Symbol.dispose]: () => engines.drop(),
  };
}

function isOfPictures(name: string): boolean {
  return [...READING, ...WHOLE_DATASETS].some((known) => known === name);
}

/** Makes what a job needs, and keeps it as long as jobs need the same. */
function onlyLast<T>(make: (job: ShardJob) => Promise<T>, keyOf: (job: ShardJob) => unknown, drop = (_: T) => {}) {
  let last: { key: string; value: T } | undefined;
  const end = () => {
    if (last) drop(last.value);
    last = undefined;
  };
  return {
    async for(job: ShardJob): Promise<T> {
      const key = JSON.stringify(keyOf(job));
      if (last?.key !== key) {
        end();
        last = { key, value: await make(job) };
      }
      return last.value;
    },
    drop: end,
  };
}

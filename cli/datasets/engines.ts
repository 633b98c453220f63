/**
 * The engines that compute a data set.
 *
 * @module
 */

import { freemem } from "node:os";
import { Worker as NodeWorker } from "node:worker_threads";
import { chooseEngines, type EngineModel, type Engines, type EngineSet } from "../../datasets/mod.ts";
import { VQModel } from "../../mod.ts";
import { isSingleFile, load } from "../models.ts";
import type { Options } from "../options.ts";
import { IS_DENO, isGranted } from "../process/permissions.ts";

/** Of the free memory, what further engines may take. */
const MEMORY_SHARE = 0.5;

/** Engines of a data set. Disposing of them frees all that were loaded. */
export interface LoadedEngines extends Engines, Disposable {}

/** A half of a model, and the pictures that it will compute. */
interface Work {
  readonly only: "encoder" | "decoder";
  /** Side of the pictures, or what is likely. */
  readonly side: number;
}

/**
 * Loads a model. On a CPU, a long run measures what is fastest: one engine with all threads; two of them, so that one computes
 * while threads of the other wait for each other; or an engine of a single thread for each thread. With a memory limit, one
 * thread, or little memory, there is one engine.
 */
export async function loadEngines(source: string, options: Options, work: Work): Promise<LoadedEngines> {
  const model = await load(source, options, { only: work.only });
  const sets = await alternativesTo(model, source, options, work);
  return Object.assign(chooseEngines(model, sets), {
    [Symbol.dispose]() {
      for (const set of sets) set.dispose();
      model.dispose();
    },
  });
}

/** What may be faster than a model alone, as far as memory allows. */
export async function alternativesTo(
  model: VQModel,
  source: string,
  options: Options,
  work: Work,
): Promise<EngineSet[]> {
  const { device, threads } = model;
  if (device === "webgpu" || threads === 1 || options["memory-limit"] !== undefined) return [];
  const most = Math.floor(MEMORY_SHARE * freeMemory() / peakOf(model, work));
  const again = (signal: AbortSignal) => load(source, options, { only: work.only, signal, onProgress() {} });
  const alone = (signal: AbortSignal) => loadInWorker(source, options, work, signal);
  return [
    ...(most >= 1 ? [engineSet(threads, 1, again, [model])] : []),
    ...(most >= threads && !await isSingleFile(source) ? [engineSet(1, threads, alone)] : []),
  ];
}

/** Bytes of an engine that computes a picture. */
function peakOf(model: VQModel, { only, side }: Work): number {
  const { config: { in_channels }, downsamplingFactor } = model;
  if (only === "encoder") return model.memory({ shape: [1, in_channels, side, side], method: "tokenize" }).peak;
  const tokens = Math.ceil(side / downsamplingFactor);
  return model.memory({ shape: [1, tokens, tokens], method: "detokenize" }).peak;
}

/** Models that are loaded when they are needed, beside some that are there. */
function engineSet(
  threads: number,
  count: number,
  load: (signal: AbortSignal) => Promise<EngineModel & Disposable>,
  there: readonly EngineModel[] = [],
): EngineSet {
  const ended = new AbortController();
  const loaded: Disposable[] = [];
  return {
    engines: there.length + count,
    threads,
    async load() {
      const models = await Promise.all(Array.from({ length: count }, async () => {
        const model = await load(ended.signal);
        loaded.push(model);
        return model;
      }));
      return [...there, ...models];
    },
    dispose() {
      ended.abort();
      for (const model of loaded) model[Symbol.dispose]();
    },
  };
}

/** Loads a model of one thread in a worker: in this thread, one would wait for the other. */
async function loadInWorker(
  source: string,
  { revision, subfolder, variant, file }: Options,
  { only }: Work,
  signal: AbortSignal,
): Promise<EngineModel & Disposable> {
  const worker = startWorker();
  try {
    const options = { device: "wasm", threads: 1, revision, subfolder, variant, file, only, signal } as const;
    const model = await VQModel.inWorker(worker, source, options);
    return {
      tokenize: (sample, options) => model.tokenize(sample, options),
      detokenize: (tokens, options) => model.detokenize(tokens, options),
      [Symbol.dispose]: () => worker.terminate(),
    };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

/** The module of a worker. The build puts its file where the command line's is. */
const ENGINE_WORKER = new URL("./engine_worker.ts", import.meta.url);

/** Starts a worker; Node has no web workers. An error that it does not catch ends the calls of its model, not the program. */
export function startWorker(url: URL = ENGINE_WORKER): Worker {
  if (!IS_DENO) return new NodeWorker(url).on("error", () => {}) as unknown as Worker;
  const worker = new Worker(url, { type: "module" });
  worker.addEventListener("error", (event) => event.preventDefault());
  return worker;
}

/** Free memory in bytes; unlimited if it may not be asked for. */
function freeMemory(): number {
  return isGranted({ name: "sys", kind: "systemMemoryInfo" }) ? freemem() : Infinity;
}

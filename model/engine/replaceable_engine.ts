/**
 * The engine that a model computes on, and what takes its place when its device is lost.
 *
 * @module
 */

import type { ModelFiles } from "../../hub/mod.ts";
import { type Backend, DeviceError, type Graph, type Parameter, type TuneOptions } from "../../kernels/mod.ts";
import { loadWeights, withFiles } from "./checkpoint.ts";
import { openEngine } from "./engine.ts";
import type { ComputeOptions } from "../options.ts";
import { ProgramCache } from "./program_cache.ts";
import { tell } from "../progress.ts";

/** What an engine is loaded from, and how. */
interface Source {
  readonly parameters: readonly Parameter[];
  /** Opens the files anew. */
  readonly open: () => Promise<ModelFiles>;
  readonly options: ComputeOptions;
}

/** An engine with a model's weights, and the programs that it has compiled. */
export class ReplaceableEngine {
  readonly #source: Source;
  #backend: Backend;
  #programs: ProgramCache;
  /** What calls wait for: another device, or other weights. */
  #replacing: Promise<void> | undefined;
  readonly #calls = new Set<Promise<unknown>>();
  #losses = 0;
  #disposed = false;

  private constructor(source: Source, backend: Backend) {
    this.#source = source;
    this.#backend = backend;
    this.#programs = new ProgramCache(backend);
  }

  /** Loads the weights from `files`, which are open, onto the device of the options. */
  static async load(source: Source, files: ModelFiles): Promise<ReplaceableEngine> {
    const backend = await open(source, files);
    const options = { ...source.options, signal: undefined }; // which stops the loading, not what comes later
    return new ReplaceableEngine({ ...source, options }, backend);
  }

  /** What computes now. */
  get backend(): Backend {
    return this.#backend;
  }

  /** What it has compiled. */
  get programs(): ProgramCache {
    return this.#programs;
  }

  /**
   * Has something computed. If the device is lost meanwhile, and was not chosen by the caller, has it computed once more
   * on another.
   */
  async use<T>(compute: (programs: ProgramCache) => Promise<T>): Promise<T> {
    for (;;) {
      while (this.#replacing) await this.#replacing;
      const backend = this.#backend;
      const call = compute(this.#programs);
      this.#calls.add(call);
      try {
        return await call;
      } catch (error) {
        const { device = "auto" } = this.#source.options;
        if (this.#disposed || device !== "auto" || !backend.lost) throw error;
        if (backend === this.#backend) this.#replacing ??= this.#replace((error as Error).message);
      } finally {
        this.#calls.delete(call);
      }
    }
  }

  /** Has the engine tuned for a graph, and programs compiled anew. */
  async tune(graph: Graph, options: TuneOptions): Promise<void> {
    const weightsToo = await this.use(() => this.#backend.tune(graph, options));
    while (this.#replacing) await this.#replacing;
    const renewal = this.#renew(weightsToo);
    this.#replacing = renewal.catch(() => {}); // the one who tunes is told
    await renewal;
  }

  /** Frees everything. */
  dispose(): void {
    this.#disposed = true;
    this.#programs.dispose();
    this.#backend.dispose();
  }

  /** Forgets what was compiled, and loads the weights again if need be, when the calls that use them are over. */
  async #renew(weightsToo: boolean): Promise<void> {
    await Promise.allSettled(this.#calls);
    this.#programs.dispose();
    try {
      if (weightsToo) {
        const { open, parameters, options: { strict } } = this.#source;
        await withFiles(open, ({ weights }) => loadWeights(weights, parameters, this.#backend, { strict }));
      }
    } finally {
      this.#replacing = undefined;
    }
  }

  /** The first time by whatever device there is now, then by the CPU; threads that are lost, by a single one. */
  async #replace(reason: string): Promise<void> {
    try {
      await withFiles(this.#source.open, async (files) => {
        reportFallback(this.#source, files, reason);
        const threads = this.#backend.device === "wasm" ? 1 : this.#source.options.threads;
        const backend =
          await (this.#losses++ === 0 ? open(this.#source, files) : openOnCpu(this.#source, files, threads));
        const { memoryLimit } = this.#programs;
        this.#backend.dispose();
        this.#backend = backend;
        this.#programs = new ProgramCache(backend, memoryLimit);
        if (this.#disposed) this.dispose();
      });
    } finally {
      this.#replacing = undefined;
    }
  }
}

/** Opens the engine of the options. Where `"auto"` chose one that cannot have the weights, that is the CPU engine. */
async function open(source: Source, files: ModelFiles): Promise<Backend> {
  const { parameters, options } = source;
  try {
    return await openEngine(files, parameters, options);
  } catch (error) {
    const { device = "auto", dtype } = options;
    if (device !== "auto" || dtype === "float16" || !(error instanceof DeviceError)) throw error;
    reportFallback(source, files, error.message);
    return await openOnCpu(source, files);
  }
}

function openOnCpu(
  { parameters, options }: Source,
  files: ModelFiles,
  threads: number | undefined = options.threads,
): Promise<Backend> {
  return openEngine(files, parameters, { ...options, threads, device: "wasm", dtype: "float32" });
}

function reportFallback({ parameters, options }: Source, files: ModelFiles, reason: string): void {
  tell(files, options, { status: "fallback", loaded: 0, total: parameters.length, reason });
}

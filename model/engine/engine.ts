/**
 * The engine of a model: its device, its compiled programs, the memory limit, the replacement of a lost device, and the
 * repetition of calls in float32.
 *
 * @module
 */

import type { ModelFiles } from "../../hub/mod.ts";
import {
  type Backend,
  Graph,
  type MemoryUse,
  type OpProfile,
  OverflowError,
  parametersOf,
  type PixelRange,
  Pixels,
  type Program,
  type RunOptions,
  type Shape,
  Tensor,
  type TuneOptions,
} from "../../kernels/mod.ts";
import { type Pass, recordPass } from "../architecture/passes.ts";
import type { ComputeOptions, MemoryPlan } from "../options.ts";
import { type Checkpoint, withFiles } from "./checkpoint.ts";
import { openBackend, openCpuBackend } from "./open_backend.ts";
import { ProgramCache } from "./program_cache.ts";
import { report } from "./progress.ts";

/** A pass, and its inputs on any device. */
interface Call {
  readonly pass: Pass;
  readonly input: Tensor;
  /** Results of `detokenizeEditable`, without the picture. */
  readonly kept: readonly Tensor[];
}

/** What to do with the program of a pass. */
type Job<T> = (program: Program, inputs: readonly Tensor[]) => Promise<T>;

/** Computes the passes of a model. */
export class Engine {
  readonly #checkpoint: Checkpoint;
  readonly #options: ComputeOptions;
  readonly #programs = new ProgramCache();
  #backend: Backend;
  #memoryLimit: number | undefined;
  /** What calls wait for: another device. */
  #replacing: Promise<void> | undefined;
  #losses = 0;
  /** The same model in float32, opened by the first call that needs it. */
  #float32: Engine | undefined;
  #openingFloat32: Promise<Engine> | undefined;
  #disposed = false;

  private constructor(checkpoint: Checkpoint, options: ComputeOptions, backend: Backend) {
    this.#checkpoint = checkpoint;
    this.#options = options;
    this.#backend = backend;
    this.#memoryLimit = options.memoryLimit;
  }

  /** Loads the weights from `files`, which are open, onto the device of the options. */
  static async load(checkpoint: Checkpoint, files: ModelFiles, options: ComputeOptions): Promise<Engine> {
    const backend = await openBackend(checkpoint, files, options);
    return new Engine(checkpoint, { ...options, signal: undefined }, backend); // the signal was for loading
  }

  /** Which engine computes now. */
  get device(): Backend["device"] {
    return this.#backend.device;
  }

  /** What weights and intermediate values are stored in now. */
  get dtype(): Backend["dtype"] {
    return this.#backend.dtype;
  }

  /** How many threads compute now. */
  get threads(): number {
    return this.#backend.threads;
  }

  /** Bytes held now, including those of the model in float32. */
  get memory(): MemoryUse {
    const [own, repeats] = [this.#backend.memory, this.#float32?.memory];
    if (!repeats) return own;
    return {
      weights: own.weights + repeats.weights,
      buffers: own.buffers + repeats.buffers,
      held: own.held + repeats.held,
      used: own.used + repeats.used,
    };
  }

  /** The most bytes that weights and a call may take together; see `PlanOptions`. */
  get memoryLimit(): number | undefined {
    return this.#memoryLimit;
  }

  set memoryLimit(bytes: number | undefined) {
    this.#memoryLimit = bytes;
    this.#programs.clear(); // they were planned for another limit
    if (this.#float32) this.#float32.memoryLimit = bytes;
  }

  /** @throws {TypeError} if the engine was disposed */
  checkUsable(): void {
    if (this.#disposed) throw new TypeError("Cannot use the model: it was disposed");
  }

  /**
   * Runs a pass. With `toHost`, also reads its results, so that a device that is lost before they arrive is replaced
   * too. `kept` is what an earlier pass kept for this one.
   */
  call(
    pass: Pass,
    input: Tensor,
    { signal, onProgress, toHost, kept = [] }: RunOptions & { toHost?: boolean; kept?: readonly Tensor[] },
  ): Promise<Tensor[]> {
    return this.#compute({ pass, input, kept }, signal, async (program, inputs) => {
      const results = await program.run(inputs, { signal, onProgress });
      return toHost ? await Promise.all(results.map(readToHost)) : results;
    });
  }

  /** Measures every op of a pass, `rounds` times, after a run to warm up. */
  profile(pass: Pass, input: Tensor, rounds: number, signal?: AbortSignal): Promise<OpProfile[][]> {
    return this.#compute({ pass, input, kept: [] }, signal, async (program, inputs) => {
      const runs = [];
      for (let i = 0; i <= rounds; i++) runs.push(await program.profile(inputs, { signal }));
      return runs.slice(1);
    });
  }

  /** Plans the memory of a pass. */
  measure(pass: Pass, shape: Shape): MemoryPlan {
    const { weights } = this.#backend.memory;
    const activations = this.#backend.measure(this.#record(pass, shape), { memoryLimit: this.#memoryLimit });
    return { weights, activations, peak: weights + activations };
  }

  /** Tunes the device for a pass; later calls compile their programs again. */
  async tune(pass: Pass, shape: Shape, options: TuneOptions): Promise<void> {
    const graph = this.#record(pass, shape);
    await this.#withDevice((backend) => backend.tune(graph, options));
    this.#programs.clear();
  }

  /** Frees everything. Harmless if repeated. */
  dispose(): void {
    this.#disposed = true;
    this.#programs.clear();
    this.#backend.dispose();
    this.#float32?.dispose();
  }

  /** Does a job with the compiled program of a pass. Repeats it in float32 if a value is out of float16's range. */
  async #compute<T>(call: Call, signal: AbortSignal | undefined, job: Job<T>): Promise<T> {
    this.checkUsable();
    signal?.throwIfAborted();
    const given = { ...call, input: keepPixels(call.input) };
    try {
      return await this.#withDevice((backend) => this.#withProgram(backend, given, job));
    } catch (cause) {
      if (this.#disposed) throw disposedDuringCall(cause);
      if (!(cause instanceof OverflowError)) throw cause;
      report(this.#checkpoint, this.#options, { status: "repeat", reason: cause.message });
      const float32 = await (this.#openingFloat32 ??= this.#openFloat32());
      return await float32.#compute(given, signal, job);
    }
  }

  /**
   * Attempts something on the device. If the device is lost meanwhile, and `"auto"` chose it, attempts it again on
   * another.
   */
  async #withDevice<T>(attempt: (backend: Backend) => Promise<T>): Promise<T> {
    for (;;) {
      while (this.#replacing) await this.#replacing;
      const backend = this.#backend;
      try {
        return await attempt(backend);
      } catch (error) {
        const { device = "auto" } = this.#options;
        if (this.#disposed || device !== "auto" || !backend.lost) throw error;
        if (backend === this.#backend) this.#replacing ??= this.#replace((error as Error).message);
      }
    }
  }

  async #withProgram<T>(backend: Backend, { pass, input, kept }: Call, job: Job<T>): Promise<T> {
    const { shape } = input;
    const [pixels, keptShapes] = [pixelsOf(input), kept.map(({ shape }) => shape)];
    const lease = this.#programs.lease(
      JSON.stringify([pass, shape, pixels, keptShapes]),
      () => backend.compile(this.#record(pass, shape, pixels, keptShapes), { memoryLimit: this.#memoryLimit }),
    );
    try {
      return await job(await lease.program, [input, ...kept]);
    } finally {
      lease.end();
    }
  }

  #record(pass: Pass, shape: Shape, pixels?: PixelRange, kept: readonly Shape[] = []): Graph {
    const graph = new Graph();
    recordPass(graph, pass, this.#checkpoint.parsed.config, { shape, pixels, kept });
    checkLoaded(graph, this.#checkpoint);
    return graph;
  }

  /**
   * Replaces a lost device: the first time by the one that `"auto"` chooses now, later by the CPU engine, with a single
   * thread if a thread was lost.
   */
  async #replace(reason: string): Promise<void> {
    const [checkpoint, options] = [this.#checkpoint, this.#options];
    try {
      report(checkpoint, options, { status: "fallback", reason });
      const isFirst = this.#losses++ === 0;
      const threads = this.#backend.device === "wasm" ? 1 : options.threads;
      const backend = await withFiles(
        checkpoint.open,
        (files) =>
          isFirst
            ? openBackend(checkpoint, files, options)
            : openCpuBackend(checkpoint, files, { ...options, threads }),
      );
      this.#backend.dispose();
      this.#programs.clear();
      this.#backend = backend;
      if (this.#disposed) backend.dispose();
    } finally {
      this.#replacing = undefined;
    }
  }

  async #openFloat32(): Promise<Engine> {
    const { open } = this.#checkpoint;
    const options = { ...this.#options, dtype: "float32" } as const;
    try {
      this.#float32 = await withFiles(open, (files) => Engine.load(this.#checkpoint, files, options));
    } catch (error) {
      this.#openingFloat32 = undefined; // the next call tries again
      throw error;
    }
    this.#float32.memoryLimit = this.#memoryLimit;
    if (this.#disposed) {
      this.#float32.dispose();
      throw disposedDuringCall();
    }
    return this.#float32;
  }
}

/** Checks that the layers of a graph are loaded: if not, they are those of the other half. */
function checkLoaded(graph: Graph, { only, parameters }: Checkpoint): void {
  if (only === undefined) return;
  const loaded = new Set(parameters.map(({ name }) => name));
  if (parametersOf(graph).every(({ name }) => loaded.has(name))) return;
  throw new TypeError(
    `Cannot run the ${only === "encoder" ? "decoder" : "encoder"}: only the ${only} is loaded. ` +
      `Load the model without only: "${only}"`,
  );
}

function disposedDuringCall(cause?: unknown): TypeError {
  return new TypeError("Cannot use the model: it was disposed during the call", { cause });
}

/** A tensor that stays made of pixels, even if the given one is read as floats while its program is compiled. */
function keepPixels(tensor: Tensor): Tensor {
  const { storage, shape, dtype } = tensor;
  return storage instanceof Pixels ? new Tensor(storage, shape, dtype) : tensor;
}

/** What the bytes of pixels stand for; `undefined` for other tensors. */
function pixelsOf({ storage }: Tensor): PixelRange | undefined {
  return storage instanceof Pixels ? storage.range : undefined;
}

async function readToHost(result: Tensor): Promise<Tensor> {
  try {
    return new Tensor(await result.data(), result.shape);
  } finally {
    result.dispose();
  }
}

/**
 * The engine behind the common interface.
 *
 * @module
 */

import { type Backend, type MemoryUse, NO_MEMORY, type PlanOptions, type Program } from "../backend.ts";
import { DeviceError } from "../errors.ts";
import { checkLimit, planWithin } from "../tiling/fit_memory.ts";
import type { Graph } from "../graph/graph.ts";
import type { Parameter } from "../graph/parameters.ts";
import { atOnce, inTurns, type Steps } from "../host/steps.ts";
import { type ConvAlgorithm, Parameters } from "./ops/packed_weights.ts";
import { plan } from "./program/memory_plan.ts";
import { checkFits, WasmProgram } from "./program/program.ts";
import { Runtime } from "./threads/runtime.ts";
import { MAX_THREADS, WIDE } from "./abi.ts";
import { createSingleThreadPool } from "./threads/thread_pool.ts";
import { vectorsAreWide } from "./threads/revectorize.ts";
import { createWorkerPool } from "./threads/worker_pool.ts";

/** How to set up the engine. */
export interface WasmOptions {
  /** How many threads compute; by default as many as the machine has. One where workers or shared memory are missing. */
  readonly threads?: number;
  /** Gives up waiting for the threads to start. */
  readonly signal?: AbortSignal;
  /** Told why one thread computes where more were to: they could not start, or did not within ten seconds. */
  readonly onFallback?: (reason: string) => void;
  /**
   * Bytes of the weights that will be set, where that is known. Of large models they are kept as they are: Winograd's
   * transform makes 3×3 convolutions faster but takes four times as much, and all has to fit 4 GiB.
   */
  readonly weightBytes?: number;
  /** Compute every 3×3 convolution of some channels this way; by default small maps directly and others by Winograd's. */
  readonly algorithm?: "direct" | "winograd";
  /** Whether to multiply with the kernel for vectors of 256 bits: by default where V8 makes such; see revectorize.ts. */
  readonly wide?: boolean;
}

/** How many ops are planned in a quarter of a second. */
const QUICK_OPS = 20_000;

/** Weights of more bytes than this are not transformed. */
const LARGE_MODEL = 768 * 2 ** 20;

/** The CPU engine. */
export interface WasmBackend extends Backend {
  /** How many threads compute. */
  readonly threads: number;
}

/**
 * Starts the CPU engine: WebAssembly SIMD on `threads` threads. Results depend neither on their number nor on `wide`.
 *
 * @throws {RangeError} if `threads` is not a whole number ≥ 1
 * @throws {DeviceError} if there is no WebAssembly SIMD
 */
export async function createWasmBackend(options: WasmOptions = {}): Promise<WasmBackend> {
  const { threads = globalThis.navigator?.hardwareConcurrency ?? 1, signal } = options;
  if (!Number.isSafeInteger(threads) || threads < 1) {
    throw new RangeError(`Cannot start the engine: threads must be a whole number ≥ 1, found ${threads}`);
  }
  signal?.throwIfAborted();
  // Which micro-kernel to use is measured while the threads start.
  const [runtime, isWide] = await Promise.all([
    start(Math.min(threads, MAX_THREADS), options),
    options.wide ?? vectorsAreWide(),
  ]);
  try {
    signal?.throwIfAborted();
  } catch (reason) {
    runtime.dispose();
    throw reason;
  }
  runtime.memory.integers(WIDE, 1)[0] = Number(isWide);
  const { weightBytes = 0, algorithm = weightBytes > LARGE_MODEL ? "direct" : undefined } = options;
  return new Engine(runtime, algorithm);
}

async function start(threads: number, options: WasmOptions): Promise<Runtime> {
  return await startThreads(threads, options) ?? await startAlone();
}

/** Workers on a shared memory; nothing where they are not to be had. */
async function startThreads(threads: number, { signal, onFallback }: WasmOptions): Promise<Runtime | undefined> {
  if (threads === 1 || typeof SharedArrayBuffer === "undefined") return undefined;
  try {
    return await Runtime.create(true, (memory, signal) => createWorkerPool(memory, threads, signal), signal);
  } catch (error) {
    signal?.throwIfAborted();
    onFallback?.(`One thread computes, as others could not start: ${(error as Error).message}`);
    return undefined;
  }
}

async function startAlone(): Promise<Runtime> {
  try {
    return await Runtime.create(false, createSingleThreadPool);
  } catch (cause) {
    throw new DeviceError(`Cannot start the CPU engine: WebAssembly with SIMD is needed (${cause})`, { cause });
  }
}

class Engine implements WasmBackend {
  readonly device = "wasm";
  readonly dtype = "float32";
  readonly #parameters: Parameters;

  constructor(private readonly runtime: Runtime, algorithm: ConvAlgorithm | undefined) {
    this.#parameters = new Parameters(runtime.memory, algorithm, (jobs) => runtime.runJobs(jobs));
  }

  get lost(): boolean {
    return this.runtime.pool.lost;
  }

  get threads(): number {
    return this.runtime.pool.threads;
  }

  get memory(): MemoryUse {
    const { bytes, used, weights, disposed } = this.runtime.memory;
    return disposed ? NO_MEMORY : { weights, buffers: bytes - weights, held: bytes, used };
  }

  setParameter(parameter: Parameter, weight: Float32Array, bias: Float32Array): Promise<void> {
    return this.runtime.alone(() => this.#parameters.set(parameter, weight, bias));
  }

  async compile(graph: Graph, options?: PlanOptions): Promise<Program> {
    const program = await inTurns(this.#plan(graph, options));
    this.#checkUsable();
    return program;
  }

  measure(graph: Graph, options?: PlanOptions): number {
    return atOnce(this.#plan(graph, options, true)).bytes;
  }

  /** There is but one way. */
  tune(): Promise<boolean> {
    return Promise.resolve(false);
  }

  *#plan(graph: Graph, { memoryLimit }: PlanOptions = {}, quick = false): Steps<WasmProgram> {
    this.#checkUsable();
    const { runtime } = this;
    const { memory, pool: { threads } } = runtime;
    const context = { threads, parameters: this.#parameters };
    const limit = Math.min(memory.available, (memoryLimit ?? Infinity) - memory.weights);
    const program = yield* planWithin(graph, limit, function* (candidate) {
      return new WasmProgram(runtime, candidate, yield* plan(candidate, context));
    }, { quickOps: QUICK_OPS, quick });
    checkFits(program, graph, memory);
    checkLimit(program.bytes, memory.weights, memoryLimit);
    return program;
  }

  #checkUsable(): void {
    if (this.runtime.memory.disposed) throw new DeviceError("Cannot compile: the engine was disposed");
  }

  dispose(): void {
    this.runtime.dispose();
  }
}

/**
 * The CPU engine, as a {@linkcode Backend}.
 *
 * @module
 */

import { checkOptions, type OptionNames } from "../check_options.ts";
import {
  type Backend,
  type MemoryUse,
  NO_MEMORY,
  type PlanOptions,
  type Program,
  type TuneOptions,
} from "../backend.ts";
import { DeviceError } from "../errors.ts";
import { checkLimit, planWithin } from "../tiling/fit_memory.ts";
import { inPictures } from "../tiling/in_pictures.ts";
import type { Graph } from "../graph/graph.ts";
import type { Parameter, WeightValues } from "../graph/parameters.ts";
import { PLAN_OPTIONS, TUNE_OPTIONS } from "../option_names.ts";
import { atOnce, inTurns, type Steps } from "../host/steps.ts";
import type { ConvAlgorithm } from "./ops/lowering.ts";
import { STAGING_BYTES } from "./ops/pack_rows.ts";
import { Parameters } from "./ops/packed_weights.ts";
import { plan } from "./program/memory_plan.ts";
import { checkFits, WasmProgram } from "./program/program.ts";
import type { Runtime } from "./threads/runtime.ts";
import { WIDE } from "./abi.ts";
import { vectorsAreWide } from "./threads/revectorize.ts";
import { startRuntime, threadCount } from "./threads/start_threads.ts";

/** How to set up the engine. */
export interface WasmOptions {
  /** Number of threads, at most 62; by default the machine's. Without workers or shared memory, one thread computes. */
  readonly threads?: number;
  /** Aborts the start of the engine. */
  readonly signal?: AbortSignal;
  /** Called with the reason when one thread computes instead of several: they failed to start, or not within ten seconds. */
  readonly onFallback?: (reason: string) => void;
  /** Bytes of the float32 weights that will be set, if known: memory for them is reserved at once, which is faster. */
  readonly weightBytes?: number;
  /**
   * How to compute 3×3 convolutions of 16 channels or more to more than four: by implicit GEMM or by Winograd's algorithm. By
   * default small maps by the former and others by the latter.
   */
  readonly algorithm?: "implicitGemm" | "winograd";
  /** Whether to use the micro-kernel for 256-bit vectors; by default, if V8 is found to support them. */
  readonly wide?: boolean;
}

const WASM_OPTIONS: OptionNames<WasmOptions> = {
  threads: true,
  signal: true,
  onFallback: true,
  weightBytes: true,
  algorithm: true,
  wide: true,
};

/** Number of ops that are planned in a quarter of a second. */
const QUICK_OPS = 20_000;

/**
 * Starts the CPU engine: WebAssembly SIMD on `threads` threads. Results depend neither on their number nor on `wide`.
 *
 * @throws {RangeError} if `threads` is not a whole number ≥ 1
 * @throws {TypeError} for an unknown option
 * @throws {DeviceError} if there is no WebAssembly SIMD
 */
export async function createWasmBackend(options: WasmOptions = {}): Promise<Backend> {
  checkOptions("open CPU engine", options, WASM_OPTIONS);
  const { signal, onFallback } = options;
  const threads = threadCount(options.threads);
  signal?.throwIfAborted();
  // The micro-kernel is chosen by measuring while the threads start.
  const [runtime, isWide] = await Promise.all([
    startRuntime(threads, signal, onFallback),
    options.wide ?? vectorsAreWide(),
  ]);
  try {
    signal?.throwIfAborted();
    if (options.weightBytes) runtime.memory.reserve(options.weightBytes + STAGING_BYTES);
  } catch (reason) {
    runtime.dispose();
    throw reason;
  }
  runtime.memory.integers(WIDE, 1)[0] = Number(isWide);
  return new Engine(runtime, options.algorithm);
}

class Engine implements Backend {
  readonly device = "wasm";
  readonly dtype = "float32";
  readonly #parameters: Parameters;

  constructor(private readonly runtime: Runtime, private readonly algorithm: ConvAlgorithm | undefined) {
    this.#parameters = new Parameters(runtime);
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

  setParameter(parameter: Parameter, weight: WeightValues, bias: WeightValues): Promise<void> {
    return this.runtime.runExclusive(() => this.#parameters.set(parameter, weight, bias));
  }

  async compile(graph: Graph, options?: PlanOptions): Promise<Program> {
    const program = await inTurns(this.#plan(graph, options));
    this.#checkUsable();
    return program;
  }

  measure(graph: Graph, options?: PlanOptions): number {
    return atOnce(this.#plan(graph, options, true)).bytes;
  }

  /** There is nothing to tune. */
  // deno-lint-ignore require-await -- what it throws is a rejection
  async tune(_graph: Graph, options?: TuneOptions): Promise<void> {
    checkOptions("tune engine", options, TUNE_OPTIONS);
  }

  *#plan(graph: Graph, options: PlanOptions = {}, quick = false): Steps<WasmProgram> {
    checkOptions("plan program", options, PLAN_OPTIONS);
    this.#checkUsable();
    const { memoryLimit } = options;
    const { runtime } = this;
    const { memory, pool: { threads } } = runtime;
    const context = { threads, parameters: this.#parameters, algorithm: this.algorithm };
    const limit = Math.min(memory.available, (memoryLimit ?? Infinity) - memory.weights);
    const inParts = inPictures(graph);
    const program = yield* planWithin(graph, limit, function* (candidate) {
      const planned = candidate === graph ? inParts : candidate;
      return new WasmProgram(runtime, planned, yield* plan(planned, context));
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

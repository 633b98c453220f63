/**
 * The WebGPU engine.
 *
 * @module
 */

import { checkOptions, type OptionNames } from "../check_options.ts";
import type { Backend, MemoryUse, PlanOptions, Program, TuneOptions, TuningStore } from "../backend.ts";
import { DeviceError } from "../errors.ts";
import type { Graph, Node, Op } from "../graph/graph.ts";
import type { Parameter, WeightValues } from "../graph/parameters.ts";
import { atOnce, inTurns, type Steps } from "../host/steps.ts";
import { Turns } from "../host/turns.ts";
import { PLAN_OPTIONS, TUNE_OPTIONS } from "../option_names.ts";
import { checkLimit, planWithin } from "../tiling/fit_memory.ts";
import { BufferPool, OutOfMemoryError } from "./device/buffer_pool.ts";
import { borrowGpu, checkFloat16, type Gpu, noticeLoss, openGpu, tuningFor } from "./device/device.ts";
import { paysTransformed } from "./ops/conv2d.ts";
import { float16Values } from "./ops/mod.ts";
import { shareBuffers, type SharedPlan } from "./program/buffer_plan.ts";
import { Pace } from "./program/pace.ts";
import { PixelReader } from "./program/pixel_reader.ts";
import { createProgram } from "./program/program.ts";
import type { Choice, ConvAlgorithm } from "./record/choice.ts";
import { WeightStore } from "./record/packed_weights.ts";
import { Recorder } from "./record/recorder.ts";
import { recordGraph, recordPixelConversion } from "./record_graph.ts";
import { PipelineCache } from "./shader/pipeline.ts";
import type { Tile, Tuning } from "./shader/tiles.ts";
import { type Choices, choicesOf, isTunable, mergeChoices, opKey, StoredChoices } from "./tuning/choices.ts";
import { measureChoices } from "./tuning/tuner.ts";

/** How to open the WebGPU engine. */
export interface WebGpuOptions {
  /** A device to use, which the caller owns; by default one is requested with the limits of its adapter. */
  readonly device?: GPUDevice;
  /** WebGPU, to request a device from. Default `navigator.gpu`. */
  readonly gpu?: GPU;
  /** Algorithm of all 3×3 convolutions of stride 1; by default the faster one for each. */
  readonly algorithm?: ConvAlgorithm;
  /** Tile of all matrix products that support it; by default the best one for each. */
  readonly tile?: Tile;
  /** Kernel constants; by default those for the kind of adapter. */
  readonly tuning?: Tuning;
  /** Element type of stored feature maps and weights; kernels compute in float32. Default `"float32"`. */
  readonly dtype?: "float32" | "float16";
  /**
   * How to hold the weights of 3×3 convolutions. `"compact"`: once; Winograd's algorithm transforms them in each call.
   * `"fast"`: transformed, which takes four times the memory, as far as the device has it. Default: `"compact"` on a GPU,
   * `"fast"` on a software adapter.
   */
  readonly weights?: "compact" | "fast";
  /** Stores what {@linkcode Backend.tune} measures. By default it is not stored. */
  readonly tuningStore?: TuningStore;
}

const WEBGPU_OPTIONS: OptionNames<WebGpuOptions> = {
  device: true,
  gpu: true,
  algorithm: true,
  tile: true,
  tuning: true,
  dtype: true,
  weights: true,
  tuningStore: true,
};

/** Longest time between turns of the event loop: in Deno, waiting for a GPU blocks it. */
const PATIENCE_MS = 250;

/** Ops that are planned in a third of a second. */
const QUICK_OPS = 10_000;

/** Bytes that packing moves per byte of weights. */
const PACKING_BYTES = 2;

/** The part of a memory limit that each piece of scratch memory may take, and the fewest bytes of one. */
const [SCRATCH_SHARE, MIN_SCRATCH_BYTES] = [1 / 8, 256 << 10];

/** A program in bands must take less than this share of the memory of the program that ran out of memory. */
const WORTHWHILE = 0.9;

/**
 * Opens the WebGPU engine.
 *
 * @throws {DeviceError} if there is no adapter, or it does not support the `dtype`
 * @throws {TypeError} for an unknown option
 */
export async function createWebGpuBackend(options: WebGpuOptions = {}): Promise<Backend> {
  checkOptions("open WebGPU engine", options, WEBGPU_OPTIONS);
  const gpu = await (options.device ? borrowGpu(options.device) : openGpu(options.gpu));
  if (options.dtype === "float16") checkFloat16(gpu);
  const backend = new WebGpuBackend(gpu, options);
  await backend.readChoices();
  return backend;
}

class WebGpuBackend implements Backend {
  readonly device = "webgpu";
  readonly threads = 1;
  readonly dtype: "float32" | "float16";
  readonly #gpu: Gpu;
  readonly #options: WebGpuOptions;
  readonly #holding: "compact" | "fast";
  readonly #tuning: Tuning;
  readonly #stored: StoredChoices;
  #choices: Choices = new Map();
  readonly #pipelines: PipelineCache;
  readonly #pool: BufferPool;
  readonly #pace: Pace;
  readonly #weights: WeightStore;
  /** Bytes that a run may take, lowered whenever the device runs out of memory: WebGPU does not report how much it has. */
  #available = Infinity;
  readonly #pixels = new PixelReader((shape, range) =>
    this.#createProgram(atOnce(shareBuffers(recordPixelConversion(this.#recorder(new Set()), shape, range))))
  );
  readonly #turns = new Turns(PATIENCE_MS);
  #failure: string | undefined;
  #lost = false;

  constructor(gpu: Gpu, options: WebGpuOptions, pipelines = new PipelineCache(gpu.device)) {
    const { dtype = "float32", tuning = tuningFor(gpu), tuningStore } = options;
    this.dtype = dtype;
    this.#gpu = gpu;
    this.#options = options;
    this.#holding = options.weights ?? tuning.weights;
    this.#tuning = tuning;
    this.#stored = new StoredChoices(tuningStore, { ...gpu.info, dtype, weights: this.#holding }, this.#candidates);
    this.#pipelines = pipelines;
    this.#pool = new BufferPool(gpu.device);
    this.#pace = new Pace(gpu.device.queue, gpu.software);
    this.#weights = new WeightStore(
      gpu.device,
      this.#pool,
      this.#pipelines,
      dtype === "float16" ? "f16" : "f32",
      (layer) => this.#holding === "fast" && paysTransformed(layer, gpu.device.limits, options.algorithm),
      tuning.windowBytes,
    );
    gpu.device.lost.then(({ reason, message }) => {
      this.#lost = this.#failure === undefined;
      this.#failure ??= `the device was lost (${message || reason}); load the model again`;
    });
  }

  get lost(): boolean {
    return this.#lost;
  }

  get memory(): MemoryUse {
    const { bytes: weights } = this.#weights;
    const { bytes: buffers, usedBytes } = this.#pool;
    return { weights, buffers, held: weights + buffers, used: weights + usedBytes };
  }

  async setParameter(parameter: Parameter, weights: WeightValues, biases: WeightValues): Promise<void> {
    const [weight, bias] = [await floatsOf(weights), await floatsOf(biases)];
    const milliseconds = this.#pace.guess({ flops: 0, bytes: PACKING_BYTES * weight.byteLength });
    await this.#orLoss((async () => {
      if (!this.#pace.hasRoom(milliseconds)) await this.#pace.settle();
      this.#checkUsable();
      await this.#weights.set(parameter, weight, bias);
    })());
    this.#pace.add(milliseconds);
  }

  async compile(graph: Graph, options?: PlanOptions): Promise<Program> {
    const programs = [await this.#orLoss(this.#create(graph, options))];
    /**
     * Calls the last program. If the device runs out of memory, retries without idle buffers of other programs, then with a
     * new program that takes less.
     */
    const use = async <T>(call: (program: Program) => Promise<T>): Promise<T> => {
      for (let attempt = 0;; attempt++) {
        this.#checkUsable();
        const program = programs.at(-1)!;
        try {
          const result = await this.#orLoss(call(program));
          this.#pool.endCall();
          if (this.#turns.due) await this.#turns.take();
          return result;
        } catch (error) {
          if (!(error instanceof OutOfMemoryError)) throw error;
          if (attempt === 0) this.#pool.trim();
          else if (program === programs.at(-1)) {
            programs.push(await this.#createSmaller(graph, options, program, error));
          }
        }
      }
    };
    return {
      get bytes() {
        return programs.at(-1)!.bytes;
      },
      run: (tensors, runOptions) => use((program) => program.run(tensors, runOptions)),
      profile: (tensors, runOptions) => use((program) => program.profile(tensors, runOptions)),
      dispose: () => programs.forEach((program) => program.dispose()),
    };
  }

  /** Awaits work; if it fails because the device was lost or the model disposed, the error says so. */
  async #orLoss<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      await noticeLoss();
      this.#checkUsable();
      throw error;
    }
  }

  async #create(graph: Graph, options?: PlanOptions): Promise<Program> {
    const plan = await inTurns(this.#plan(graph, options));
    this.#checkUsable();
    this.#pool.trim(); // a new shape needs buffers of other sizes
    this.#pool.limit = (options?.memoryLimit ?? Infinity) - this.#weights.bytes;
    return await this.#createProgram(plan);
  }

  /** A program that takes at most half the memory of the last one; throws `error` if there is none. */
  async #createSmaller(
    graph: Graph,
    options: PlanOptions | undefined,
    { bytes }: Program,
    error: OutOfMemoryError,
  ): Promise<Program> {
    this.#available = bytes / 2;
    if ((await inTurns(this.#plan(graph, options))).bytes > WORTHWHILE * bytes) throw error;
    return await this.#create(graph, options);
  }

  measure(graph: Graph, options?: PlanOptions): number {
    return atOnce(this.#plan(graph, options, true)).bytes;
  }

  /** Reads the choices that were measured on such a device before. */
  async readChoices(): Promise<void> {
    this.#choices = await this.#stored.read();
  }

  async tune(graph: Graph, options?: TuneOptions): Promise<void> {
    checkOptions("tune engine", options, TUNE_OPTIONS);
    this.#checkUsable();
    const measured = await this.#orLoss(measureChoices(graph, {
      candidates: this.#candidates,
      open: (candidate) =>
        new WebGpuBackend({ ...this.#gpu, borrowed: true }, { ...this.#options, ...candidate }, this.#pipelines),
    }, options));
    this.#choices = mergeChoices(this.#choices, measured);
    await this.#stored.add(measured);
  }

  dispose(): void {
    this.#failure = "the model was disposed";
    this.#weights.dispose();
    this.#pool.dispose();
    if (!this.#gpu.borrowed) this.#pace.settle().then(() => this.#gpu.device.destroy(), () => {});
  }

  *#plan(graph: Graph, options: PlanOptions = {}, quick = false): Steps<SharedPlan> {
    checkOptions("plan program", options, PLAN_OPTIONS);
    this.#checkUsable();
    const { memoryLimit } = options;
    const { bytes: weights } = this.#weights;
    const limit = Math.min(this.#available, (memoryLimit ?? Infinity) - weights);
    const scratchBytes = Math.min(this.#tuning.scratchBytes, Math.max(MIN_SCRATCH_BYTES, SCRATCH_SHARE * limit));
    const record = (candidate: Graph) => {
      const float16 = this.dtype === "float16" ? float16Values(candidate) : new Set<Node>();
      const recorder = this.#recorder(float16, { ...this.#tuning, scratchBytes });
      return recordGraph(recorder, candidate, (op) => this.#choiceOf(op));
    };
    const plan = yield* planWithin(graph, limit, function* (candidate) {
      return yield* shareBuffers(yield* record(candidate));
    }, { quickOps: QUICK_OPS, quick });
    checkLimit(plan.bytes, weights, memoryLimit);
    return plan;
  }

  /** What can be chosen; the algorithm only for weights that both can read. */
  get #candidates(): Choice[] {
    return choicesOf(this.#tuning, this.#holding === "compact");
  }

  /** How to compute an op: as the options say, otherwise as was measured to be the fastest. */
  #choiceOf(op: Op): Choice {
    const { algorithm, tile } = this.#options;
    const measured = isTunable(op) ? this.#choices.get(opKey(op)) : undefined;
    return { algorithm: algorithm ?? measured?.algorithm, tile: tile ?? measured?.tile };
  }

  #recorder(float16: ReadonlySet<Node>, tuning = this.#tuning): Recorder {
    return new Recorder(this.#gpu, this.#pipelines, this.#weights.parameters, tuning, float16);
  }

  #createProgram(plan: SharedPlan): Promise<Program> {
    return createProgram(this.#gpu.device, this.#pool, this.#pace, plan, (tensor, range) => {
      this.#checkUsable();
      return this.#pixels.read(tensor, range);
    });
  }

  #checkUsable(): void {
    if (this.#failure) throw new DeviceError(`Cannot use this engine: ${this.#failure}`);
  }
}

/** The values on the host, which kernels of the device pack. */
async function floatsOf(values: WeightValues): Promise<Float32Array> {
  return values instanceof Float32Array ? values : await values.read();
}

/**
 * The interface of an engine, which keeps weights, compiles graphs and runs them.
 *
 * @module
 */

import type { Graph } from "./graph/graph.ts";
import type { Parameter, WeightValues } from "./graph/parameters.ts";
import type { Tensor } from "./tensor/tensor.ts";
import type { OpProfile } from "./graph/cost.ts";

/** How to run a program. */
export interface RunOptions {
  /** Aborts the run: between ops where the engine waits for them, otherwise before it starts. */
  readonly signal?: AbortSignal;
  /**
   * Called from time to time with the number of finished ops and of all ops, the last time with all of them finished.
   * With it an engine waits for its ops. If it throws, the run rejects with that error.
   */
  readonly onProgress?: (done: number, total: number) => void;
}

/** How to plan a program. */
export interface PlanOptions {
  /**
   * Bytes that the weights and a run may take together. A graph that needs more is computed in bands of rows, with the
   * same result up to rounding. Default: what the device can hold, as far as it reports that.
   */
  readonly memoryLimit?: number;
}

/** How to tune an engine. */
export interface TuneOptions {
  /** Aborts the measuring; the engine stays as it was. */
  readonly signal?: AbortSignal;
  /** Called with the number of candidates that were measured, and of all candidates. */
  readonly onProgress?: (measured: number, total: number) => void;
}

/** Stores what was measured on a device, under names, from one process to the next. */
export interface TuningStore {
  /** The text stored under a name, if any. */
  read(name: string): Promise<string | undefined>;
  /** Stores a text under a name and replaces the previous one. */
  write(name: string, text: string): Promise<void>;
}

/** A compiled graph. */
export interface Program {
  /**
   * Computes the graph's outputs. Host tensors are uploaded; tensors of the same engine are read in place. The results
   * stay on the device; the caller disposes of them and of the inputs. An engine that stores values in float16 returns
   * when the computation is finished, because it checks whether all values were in range; others return earlier.
   *
   * @throws {TypeError} if the number of inputs, their shapes or their types differ from the graph's, or if one of them
   * or the program was disposed; or for an unknown option
   * @throws {DeviceError} if the device runs out of memory or was lost, or the engine was disposed
   * @throws {OverflowError} if the engine stores values in float16, and one was out of range
   */
  run(inputs: readonly Tensor[], options?: RunOptions): Promise<Tensor[]>;
  /**
   * Runs once, op by op, and returns the time of each in the order they ran; disposes of the results. WebGPU's times
   * are the device's timestamps, the CPU engine's are wall time.
   *
   * @throws as {@linkcode run}; also a {@linkcode DeviceError} if a WebGPU device has no `timestamp-query`
   */
  profile(inputs: readonly Tensor[], options?: Pick<RunOptions, "signal">): Promise<OpProfile[]>;
  /** Peak bytes of a run, without the weights: intermediate values, inputs, outputs, and buffers to read those. */
  readonly bytes: number;
  /** Frees the program's memory. */
  dispose(): void;
}

/**
 * Bytes of its device's memory that an engine holds.
 *
 * Unused memory is kept for later runs, up to the peak of the last four. Memory beyond that is freed once it is large:
 * on WebGPU more than 1 MiB and more than the memory kept; on the CPU engine, which moves into a smaller memory in 0.1
 * to 0.2 seconds, more than 32 MiB and more than half of the memory kept.
 */
export interface MemoryUse {
  /**
   * Weights, in the layouts that the kernels read: about the bytes of the parameters in the engine's `dtype`. With
   * `weights: "fast"` on WebGPU, most 3×3 convolutions take four times as much.
   */
  readonly weights: number;
  /** Everything else: tensors, intermediate values, and unused memory that is kept. */
  readonly buffers: number;
  /** The sum: {@linkcode weights} and {@linkcode buffers}. */
  readonly held: number;
  /**
   * The part of {@linkcode held} that is in use: weights, tensors that were neither disposed nor garbage-collected,
   * runs in progress, and 2 MiB of tables on the CPU engine.
   */
  readonly used: number;
}

/** The memory of an engine that was disposed. */
export const NO_MEMORY: MemoryUse = { weights: 0, buffers: 0, held: 0, used: 0 };

/** A compute engine. WebGPU and WebAssembly are peers behind this interface. */
export interface Backend {
  /** Which engine this is. */
  readonly device: "webgpu" | "wasm";
  /** Element type of stored weights and intermediate values; inputs and results are float32. */
  readonly dtype: "float32" | "float16";
  /** How many threads compute on the CPU engine; 1 on WebGPU. */
  readonly threads: number;
  /** Bytes that the engine holds. */
  readonly memory: MemoryUse;
  /** Whether the device was lost or a thread ended: no run succeeds any more, and WebGPU's tensors cannot be read. */
  readonly lost: boolean;
  /**
   * Sets the weights of one layer, in the checkpoint's layout (see {@linkcode Parameter}). Arrays are copied and may be
   * reused; weights in files are read in parts while those before them are packed. `bias` is empty for codebooks.
   * Compile graphs that use the layer afterwards, and again whenever its weights are set again.
   *
   * @throws {RangeError} if the number of weights or biases is not the layer's
   * @throws {DeviceError} if the device cannot hold them or was lost, or the engine was disposed
   * @throws whatever reading {@linkcode StoredWeights} throws
   */
  setParameter(parameter: Parameter, weight: WeightValues, bias: WeightValues): Promise<void>;
  /**
   * Prepares a graph to run.
   *
   * @throws {TypeError} if the weights of one of its parameters were not set, or for an unknown option
   * @throws {DeviceError} if the device cannot run the graph, not even in bands, or was lost, or the engine was
   * disposed
   */
  compile(graph: Graph, options?: PlanOptions): Promise<Program>;
  /**
   * What {@linkcode Program.bytes} of the compiled graph would be. Nothing is compiled, allocated or run.
   *
   * @throws {TypeError} if the weights of one of its parameters were not set, or for an unknown option
   * @throws {DeviceError} as {@linkcode compile} does
   */
  measure(graph: Graph, options?: PlanOptions): number;
  /**
   * Measures the candidates for each op of a graph. Programs compiled afterwards, of this graph or others with the same
   * ops, use the fastest. On WebGPU the candidates are algorithms and tiles of convolutions and attentions, and the
   * graph's weights must fit on the device a second time. The CPU engine has nothing to choose.
   *
   * @throws {TypeError} for an unknown option
   * @throws {DeviceError} if a WebGPU device has no `timestamp-query`, or cannot run the graph
   */
  tune(graph: Graph, options?: TuneOptions): Promise<void>;
  /** Frees everything once the submitted work is finished; tensors of this engine cannot be read afterwards. */
  dispose(): void;
}

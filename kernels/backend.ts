/**
 * What an engine is: something that keeps weights, compiles graphs and runs them.
 *
 * @module
 */

import type { Graph } from "./graph/graph.ts";
import type { Parameter } from "./graph/parameters.ts";
import type { Tensor } from "./tensor/tensor.ts";
import type { OpProfile } from "./graph/cost.ts";

/** How to run a program. */
export interface RunOptions {
  /** Stops the run: between ops where the engine waits for some, otherwise before it starts. */
  readonly signal?: AbortSignal;
  /**
   * Told now and then how many ops are done, and of how many, for which the engine waits; in the end all are. What it
   * throws, the run rejects with.
   */
  readonly onProgress?: (done: number, total: number) => void;
}

/** How to plan a program. */
export interface PlanOptions {
  /**
   * Bytes that weights and a run may take together. What would take more is computed in bands of rows, with the same
   * result up to rounding. Default: what the device can hold, as far as it tells.
   */
  readonly memoryLimit?: number;
}

/** How to tune an engine. */
export interface TuneOptions {
  /** Stops the measuring; nothing changes then. */
  readonly signal?: AbortSignal;
  /** Told how many ways to compute were measured, and of how many. */
  readonly onProgress?: (measured: number, total: number) => void;
}

/** Keeps what was measured on a device, under names, from one process to the next. */
export interface TuningStore {
  /** What was written under a name, if anything. */
  read(name: string): Promise<string | undefined>;
  /** Writes a text under a name, in place of what is there. */
  write(name: string, text: string): Promise<void>;
}

/** A compiled graph. */
export interface Program {
  /**
   * Computes the graph's outputs. Host tensors are uploaded; tensors of the same engine are read in place.
   * The results live on the device; the caller disposes of them, and of the inputs. An engine that stores values in
   * float16 returns when it has computed, as it must look at whether all were in range; others earlier.
   *
   * @throws {TypeError} if the inputs are not as many, or not of the shapes and types, as the graph says; if one of them
   * or the program was disposed
   * @throws {DeviceError} if the device runs out of memory or was lost, or the engine was disposed
   * @throws {OverflowError} if the engine stores values in float16, and one was out of range
   */
  run(inputs: readonly Tensor[], options?: RunOptions): Promise<Tensor[]>;
  /**
   * Runs once, one op after the other, and tells what each took, in the order they ran; the results are disposed of.
   * WebGPU's time is that of the device, by its timestamps; the CPU engine's is wall time.
   *
   * @throws as {@linkcode run}; also a {@linkcode DeviceError} if a WebGPU device has no `timestamp-query`
   */
  profile(inputs: readonly Tensor[], options?: Pick<RunOptions, "signal">): Promise<OpProfile[]>;
  /** Bytes that a run needs at its peak beside the weights: intermediate values, inputs, outputs, and reading those. */
  readonly bytes: number;
  /** Frees what the program holds. */
  dispose(): void;
}

/**
 * Bytes an engine holds now, of its device's memory.
 *
 * What is held but not used is kept for the next runs, as far as one of the last four needed it. What none of them needed
 * is given back where it is much: on WebGPU more than 1 MiB and more than what is kept; on the CPU engine, which has to move
 * into a smaller memory and takes a tenth of a second or two for it, more than 32 MiB and than half of what is kept.
 */
export interface MemoryUse {
  /**
   * Weights, in the layouts that the kernels read. Those may take much more than the checkpoint: transformed for
   * Winograd's algorithm, 3×3 convolutions take four times as much, those of few channels on the CPU engine seven times.
   */
  readonly weights: number;
  /** Everything else that is held. */
  readonly buffers: number;
  /** All that is held: {@linkcode weights} and {@linkcode buffers}. */
  readonly held: number;
  /**
   * Of that, what is in use: weights, tensors that are neither disposed of nor collected as garbage, runs under way, and
   * 2 MiB of tables that the CPU engine always has.
   */
  readonly used: number;
}

/** What an engine holds that was disposed of. */
export const NO_MEMORY: MemoryUse = { weights: 0, buffers: 0, held: 0, used: 0 };

/** A compute engine. WebGPU and WebAssembly are peers behind this interface. */
export interface Backend {
  /** Which engine this is. */
  readonly device: "webgpu" | "wasm";
  /** What weights and intermediate values are stored in; inputs and results are float32. */
  readonly dtype: "float32" | "float16";
  /** Bytes held now. */
  readonly memory: MemoryUse;
  /** Whether the device was lost, or a thread has ended: nothing can be computed any more, nor WebGPU's tensors be read. */
  readonly lost: boolean;
  /**
   * Takes the weights of one layer, in the checkpoint's layout (see {@linkcode Parameter}). They are copied; the arrays
   * may be reused. `bias` is empty for codebooks. Graphs that use the layer have to be compiled after that, and again when
   * its weights are set again.
   *
   * @throws {RangeError} if there are not as many weights or biases as the layer has
   * @throws {DeviceError} if the device cannot hold them or was lost, or the engine was disposed
   */
  setParameter(parameter: Parameter, weight: Float32Array, bias: Float32Array): Promise<void>;
  /**
   * Prepares a graph to run. Its parameters must have been set.
   *
   * @throws {TypeError} if one of them was not
   * @throws {DeviceError} if the device cannot run the graph, not even in bands, or was lost, or the engine was disposed
   */
  compile(graph: Graph, options?: PlanOptions): Promise<Program>;
  /**
   * The bytes that {@linkcode Program.bytes} of a graph would be. Nothing is compiled, allocated or run.
   *
   * @throws {TypeError} if the weights of one of its parameters were not set
   * @throws {DeviceError} as {@linkcode compile} does
   */
  measure(graph: Graph, options?: PlanOptions): number;
  /**
   * Measures the ways to compute a graph, and has programs that are compiled from then on, of this graph or others with
   * such ops, computed in the fastest. On WebGPU those are algorithms and tiles of convolutions and attentions, and the
   * weights of the graph must fit the device a second time; other engines have but one way.
   *
   * Returns whether another algorithm was chosen for some layer: it is used once the layer's weights are set again.
   *
   * @throws {DeviceError} if a WebGPU device has no `timestamp-query`, or cannot run the graph
   */
  tune(graph: Graph, options?: TuneOptions): Promise<boolean>;
  /** Frees everything, as soon as the device has done what it was given; tensors of this engine cannot be read any more. */
  dispose(): void;
}

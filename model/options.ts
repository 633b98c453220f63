/**
 * What the model's methods take and return.
 *
 * @module
 */

import type { HubModelOptions, HubProgress } from "../hub/mod.ts";
import type { Device, Shape, Tensor, TuningStore } from "../kernels/mod.ts";

/** How to compute. */
export interface ComputeOptions {
  /** Where to compute: `"auto"`, `"webgpu"`, `"wasm"`, or a `GPUDevice` of the caller's. Default `"auto"`. */
  device?: Device;
  /** How many threads the CPU engine uses. Default: as many as the machine has. */
  threads?: number;
  /**
   * What weights and intermediate values are stored in on the device; inputs and results are float32, and so is what the
   * kernels compute. `"float16"` takes less than half the memory, and a WebGPU adapter with the feature `shader-f16`. A call
   * in which a value is out of its range is repeated in float32. Default `"float32"`. Checkpoints with `force_upcast` are
   * liable to leave the range; where `"float16"` is named, it is used with them too.
   */
  dtype?: "float32" | "float16";
  /** The most bytes that weights and a call may take together: see {@linkcode VQModel.memoryLimit}. Default: no limit. */
  memoryLimit?: number;
  /**
   * Where what {@linkcode VQModel.tune} measures on a WebGPU device is found and kept. By default a folder of the cache
   * for {@linkcode VQModel.fromPretrained}; for models loaded otherwise nowhere.
   */
  tuningStore?: TuningStore;
  /**
   * With `false`, tensors in encoder, decoder, quantizer and the convolutions between them that the configuration has no
   * place for are left alone. By default they are an error. Others, such as a discriminator's or an optimizer's, are left
   * alone in any case, and missing ones are always an error.
   */
  strict?: boolean;
  /** Stops the loading. */
  signal?: AbortSignal;
  /** Told what happens while the model loads, and when a call is repeated in float32. */
  onProgress?: (progress: Progress) => void;
}

/** Options of {@linkcode VQModel.fromPretrained}: which files, from where, and how to compute. */
export interface LoadOptions extends Omit<HubModelOptions, "onProgress">, ComputeOptions {}

/**
 * What happens while a model loads. For each file of a repository `"initiate"`; `"download"` and `"progress"`, unless it
 * is in the cache; `"done"`. Where the cache does instead of the network, `"offline"`. Then `"ignored"`, if the checkpoint
 * holds tensors that are no part of the model; `"load"` while layers go to the device, and `"ready"`. `"fallback"` where
 * the CPU engine's threads do not start, so that one computes. With `device: "auto"`, also when a GPU cannot hold the
 * model, or when it, or a thread, is lost later: then the files are opened once more for another engine. With
 * `dtype: "float16"`, `"repeat"` for each call that is repeated in float32; before the first, the model loads once more,
 * from the same files.
 */
export interface Progress {
  /** What happened. */
  readonly status: HubProgress["status"] | "ignored" | "load" | "ready" | "repeat" | "fallback";
  /** The repository, `"owner/name"`, or the directory that the model is from; where neither is known, its configuration file. */
  readonly name: string;
  /** The file it happened to; the repository for `"offline"`, the configuration file for what happens to the model. */
  readonly file: string;
  /** 100 · `loaded` / `total`, or 0 where `total` is 0. */
  readonly progress: number;
  /** Bytes of the file that are here; for `"load"` and `"ready"`, layers on the device; otherwise 0. */
  readonly loaded: number;
  /** Bytes of the file; for `"ignored"`, tensors that are left alone; otherwise layers of the model. */
  readonly total: number;
  /** Why there is no network, a call is repeated, or another device takes over; which tensors are left alone. */
  readonly reason?: string;
  /** For `"ignored"`: the names in the checkpoint of all tensors that are left alone. */
  readonly tensors?: readonly string[];
}

/** Options of a call to the model. */
export interface CallOptions {
  /** With `false` the result is a tuple, as upstream's `return_dict=False`. Default true. */
  returnDict?: boolean;
  /** Stops the call. */
  signal?: AbortSignal;
  /**
   * Told how many ops are done, and of how many, for calls that take long: now and then while the engine computes, and in
   * the end. The number is another for each shape and engine, and ops take different times. A call that is repeated, in
   * float32 or on another device, counts from the beginning again. What it throws, the call rejects with.
   */
  onProgress?: (done: number, total: number) => void;
}

/** Options of {@linkcode VQModel.profile}. */
export interface ProfileOptions {
  /** How many runs to take each op's median of, after one that does not count. Default 5. */
  rounds?: number;
  /** Stops the measuring. */
  signal?: AbortSignal;
}

/** Options of {@linkcode VQModel.tune}. */
export interface TuneOptions {
  /** Shape of the pictures to tune for, `[n, in_channels, H, W]`. Default: one of `config.sample_size`. */
  shape?: Shape;
  /** Stops the measuring; nothing changes then. */
  signal?: AbortSignal;
  /** Told how many ways to compute were measured, and of how many. */
  onProgress?: (measured: number, total: number) => void;
}

/** Options of {@linkcode VQModel.decode}. */
export interface DecodeOptions extends CallOptions {
  /** Decode the latents as they are; for models with `lookup_from_codebook`, decode indices. Default false. */
  forceNotQuantize?: boolean;
  /** With indices: the shape of the latents they stand for, channels last, `[n, h, w, vq_embed_dim]`. */
  shape?: readonly number[];
}

/** A call for {@linkcode VQModel.memory} to plan. */
export interface MemoryOptions {
  /**
   * Shape of what the method takes: a picture `[n, in_channels, H, W]`; for `"quantize"` and `"decode"` latents
   * `[n, vq_embed_dim, h, w]`, for `"detokenize"` tokens `[n, h, w]`.
   */
  shape: Shape;
  /** The method to call. Default `"forward"`, which does all that the others do. */
  method?: "encode" | "quantize" | "decode" | "forward" | "tokenize" | "detokenize";
}

/** What {@linkcode VQModel.memory} plans, in bytes on the device. */
export interface MemoryPlan {
  /** Weights, in the layouts that the kernels read; held as long as the model is. */
  weights: number;
  /** The input, intermediate values as far as they live at the same time, and the results. */
  activations: number;
  /** Both together. */
  peak: number;
}

/** What {@linkcode VQModel.encode} returns; upstream's `VQEncoderOutput`. */
export interface VQEncoderOutput {
  /** Continuous latents, not quantized: `[n, vq_embed_dim, h, w]`. */
  latents: Tensor;
}

/** The former name of {@linkcode VQEncoderOutput}. */
export type EncoderOutput = VQEncoderOutput;

/** What {@linkcode VQModel.quantize} returns. */
export interface QuantizerOutput {
  /** The nearest codes: `[n, vq_embed_dim, h, w]`. */
  quantized: Tensor;
  /** Their indices: int32 `[n, h, w]`. */
  indices: Tensor;
  /** 1.25 times the mean squared distance: a scalar. */
  loss: Tensor;
}

/** What {@linkcode VQModel.decode} returns; upstream's `DecoderOutput`. */
export interface DecoderOutput {
  /** The picture, not clamped: `[n, out_channels, H, W]`. */
  sample: Tensor;
  /** The quantizer's loss, a scalar; with `forceNotQuantize` a zero for each picture, `[n]`. */
  commitLoss: Tensor;
}

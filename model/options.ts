/**
 * Options and results of the model's methods.
 *
 * @module
 */

import type { HubModelOptions, HubProgress, ModelChoice, ModelHalf, SingleFileOptions } from "../hub/mod.ts";
import type { Device, Shape, Tensor, TuningStore } from "../kernels/mod.ts";

/** How to compute; options of {@linkcode VQModel.fromFiles}. */
export interface ComputeOptions {
  /** Where to compute: `"auto"`, `"webgpu"`, `"wasm"`, or a `GPUDevice`. Default `"auto"`. */
  device?: Device;
  /** Number of threads of the CPU engine. Default: the machine's hardware concurrency. */
  threads?: number;
  /**
   * The element type of weights and intermediate values on the device. Inputs, results and arithmetic are float32 in
   * either case. `"float16"` takes less than half the memory, and needs a WebGPU adapter with the feature `shader-f16`.
   * A call in which a value is out of float16's range is repeated in float32; checkpoints with `force_upcast` are prone
   * to that. Default `"float32"`.
   */
  dtype?: "float32" | "float16";
  /**
   * How WebGPU holds the weights of 3×3 convolutions. `"compact"`: once; they are transformed for Winograd's algorithm in
   * each call. `"fast"`: transformed, which takes four times the memory, as far as the device has it. Default: `"fast"`
   * on a software adapter without a `memoryLimit`, where it saves up to a third of the time; otherwise `"compact"`, as on
   * a GPU it saves a few percent. No effect on the CPU engine.
   */
  weights?: "compact" | "fast";
  /**
   * The most bytes that weights and a call may take together: see {@linkcode VQModel.memoryLimit}. Default: no limit.
   */
  memoryLimit?: number;
  /**
   * Loads half of the model, in about half the time and memory: `"encoder"` for {@linkcode VQModel.encode} and
   * {@linkcode VQModel.tokenize}, `"decoder"` for {@linkcode VQModel.decode} and {@linkcode VQModel.detokenize}. Both
   * include the codebook, for {@linkcode VQModel.quantize}. Other methods throw a `TypeError`. Default: the whole model.
   *
   * Only the tensors of that half are read; those of the other may be missing, unless the checkpoint is of another family,
   * which is recognized by both. From the Hub, files are downloaded as a whole into the cache, but of Diffusers' shards
   * only those with tensors of the half; where no cache can be written, only the tensors of the half are requested.
   */
  only?: ModelHalf;
  /**
   * Where the results of {@linkcode VQModel.tune} are kept. Default: a folder of the cache with
   * {@linkcode VQModel.fromPretrained}, nowhere with {@linkcode VQModel.fromFiles}.
   */
  tuningStore?: TuningStore;
  /**
   * Whether tensors of encoder, decoder, quantizer or the convolutions between them that the configuration has no place
   * for are an error; with `false`, and in a half that `only` leaves out, they are ignored. Other unknown tensors, such as a discriminator's or an
   * optimizer's, are always ignored, and missing tensors are always an error. Default true.
   */
  strict?: boolean;
  /** Aborts the loading. */
  signal?: AbortSignal;
  /** Called while the model loads, when its device is replaced, and when a call is repeated in float32. */
  onProgress?: (progress: Progress) => void;
}

/** Options of {@linkcode VQModel.fromPretrained}: which files, from where, and how to compute. */
export interface LoadOptions extends Omit<HubModelOptions, "onProgress">, ComputeOptions {}

/** Options of {@linkcode VQModel.fromSingleFile}: where its configuration is, and how to compute. */
export interface LoadFileOptions extends Omit<SingleFileOptions, "onProgress">, ComputeOptions {}

/** Options of {@linkcode VQModel.fromFiles} with a list of files: which of them, and how to compute. */
export interface LoadGivenOptions extends ModelChoice, ComputeOptions {}

/**
 * An event of `onProgress`. In this order while a model loads:
 *
 * - `"initiate"` and `"done"` for each file of a repository; between them `"download"` and `"progress"`, unless the
 *   file is in the cache; `"offline"` if the cache is used for lack of a network; `"uncached"` if a browser does not store
 *   a file, which is then kept in memory
 * - `"ignored"` if the checkpoint holds tensors that are not part of the model
 * - `"load"` for each layer that is loaded onto the device, then `"ready"`
 *
 * `"fallback"` if the CPU engine's threads do not start, so that a single thread computes. With `device: "auto"` also
 * if a GPU cannot hold the model, or is lost later, or a thread of the CPU engine ends: then the model is loaded again,
 * from the same files, onto another device.
 *
 * `"repeat"` for each call that is repeated in float32, with `dtype: "float16"`. Before the first repetition, the model
 * is loaded again from the same files.
 */
export interface Progress {
  /** What happened. */
  readonly status: HubProgress["status"] | "ignored" | "load" | "ready" | "repeat" | "fallback";
  /** The repository, `"owner/name"`, or the directory of the model; if neither is known, its configuration file. */
  readonly name: string;
  /** The file that is loaded; the repository for `"offline"`, the configuration file for events of the whole model. */
  readonly file: string;
  /** 100 · `loaded` / `total`, or 0 where `total` is 0. */
  readonly progress: number;
  /** Bytes of the file loaded so far; for `"load"` and `"ready"`, layers on the device; otherwise 0. */
  readonly loaded: number;
  /** Size of the file in bytes; for `"ignored"`, number of ignored tensors; otherwise number of layers. */
  readonly total: number;
  /** For `"offline"`, `"uncached"`, `"ignored"`, `"fallback"` and `"repeat"`: the reason, in a sentence or two. */
  readonly reason?: string;
  /** For `"ignored"`: the names of all ignored tensors in the checkpoint. */
  readonly tensors?: readonly string[];
}

/** Options of a call to the model. */
export interface CallOptions {
  /**
   * Whether the result is an object; with `false` it is a tuple, as with upstream's `return_dict=False`. Default true.
   */
  returnDict?: boolean;
  /** Aborts the call. */
  signal?: AbortSignal;
  /**
   * Called with the number of ops that are done, and their total: from time to time during long calls, and at the end.
   * The total depends on shape and engine, and ops take different times. A call that is repeated, in float32 or on
   * another device, starts again from 0. If it throws, the call rejects with that error.
   */
  onProgress?: (done: number, total: number) => void;
}

/** Options of {@linkcode VQModel.tokenize}. */
export interface TokenizeOptions extends Omit<CallOptions, "returnDict"> {
  /** Whether to tell how clear the choice of each token is, see {@linkcode Tokens.margins}. Default false. */
  margins?: boolean;
}

/** Options of {@linkcode VQModel.detokenize}. */
export interface DetokenizeOptions extends Omit<CallOptions, "returnDict"> {
  /**
   * Whether to keep, in device memory, what decoding with `changed` needs; freed once the picture, and all that were
   * decoded from it, are disposed or garbage-collected. Default false.
   */
  editable?: boolean;
  /**
   * The rectangle of tokens that changed, in rows and columns of the token grid, without the last row `y1` and the last
   * column `x1`; the same in every picture of a batch. Needs `previous`.
   */
  changed?: readonly [y0: number, x0: number, y1: number, x1: number];
  /**
   * The picture before the change, which this model decoded with `editable` or `changed`; it is not changed. Needs
   * `changed`.
   */
  previous?: Tensor;
}

/** Options of {@linkcode VQModel.profile}. */
export interface ProfileOptions {
  /** Number of runs to take each op's median time of, after one to warm up. Default 5. */
  rounds?: number;
  /** Aborts the measurement. */
  signal?: AbortSignal;
}

/** Options of {@linkcode VQModel.tune}. */
export interface TuneOptions {
  /** Shape of the pictures to tune for, `[n, in_channels, H, W]`. Default: one picture of `config.sample_size`. */
  shape?: Shape;
  /** Aborts the measurement; nothing is changed then. */
  signal?: AbortSignal;
  /** Called with the number of candidates that were measured, and their total. */
  onProgress?: (measured: number, total: number) => void;
}

/** Options of {@linkcode VQModel.decode}. */
export interface DecodeOptions extends CallOptions {
  /**
   * Whether to decode latents without quantizing them; with `lookup_from_codebook`, to decode indices. Default false.
   */
  forceNotQuantize?: boolean;
  /** With indices: the shape of the latents that they stand for, channels last, `[n, h, w, vq_embed_dim]`. */
  shape?: readonly number[];
}

/** The call that {@linkcode VQModel.memory} plans. */
export interface MemoryOptions {
  /**
   * Shape of the method's input: a picture `[n, in_channels, H, W]`; for `"quantize"` and `"decode"` latents
   * `[n, vq_embed_dim, h, w]`, for `"detokenize"` tokens `[n, h, w]`.
   */
  shape: Shape;
  /** The method to call. Default `"forward"`, which includes all of the others and needs both halves. */
  method?: "encode" | "quantize" | "decode" | "forward" | "tokenize" | "detokenize";
  /**
   * With `"detokenize"`: its option {@linkcode DetokenizeOptions.editable}, whose memory is held for longer than the call.
   * Default false.
   */
  editable?: boolean;
}

/** The plan of {@linkcode VQModel.memory}, in bytes on the device. */
export interface MemoryPlan {
  /** Weights, in the layouts that the kernels read; held until the model is disposed. */
  weights: number;
  /** The most bytes that input, intermediate values and results take at a time. */
  activations: number;
  /** Both together. */
  peak: number;
}

/** The result of {@linkcode VQModel.encode}; upstream's `VQEncoderOutput`. */
export interface VQEncoderOutput {
  /** Continuous latents, not quantized: `[n, vq_embed_dim, h, w]`. */
  latents: Tensor;
}

/** The former name of {@linkcode VQEncoderOutput}. */
export type EncoderOutput = VQEncoderOutput;

/** The result of {@linkcode VQModel.quantize}. */
export interface QuantizerOutput {
  /** The nearest codes: `[n, vq_embed_dim, h, w]`. */
  quantized: Tensor;
  /** The indices of those codes: int32 `[n, h, w]`. */
  indices: Tensor;
  /** 1.25 times the mean squared difference of latents and codes: a scalar. */
  loss: Tensor;
}

/** The result of {@linkcode VQModel.decode}; upstream's `DecoderOutput`. */
export interface DecoderOutput {
  /** The picture, not clamped: `[n, out_channels, H, W]`. */
  sample: Tensor;
  /** The quantizer's loss, a scalar; with `forceNotQuantize` zeros `[n]`. */
  commitLoss: Tensor;
}

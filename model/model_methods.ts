/**
 * What a model can do, in this thread or in a worker.
 *
 * @module
 */

import type { ModelHalf } from "../hub/mod.ts";
import type { Backend, MemoryUse, PixelRange, Tensor } from "../kernels/mod.ts";
import type { VQConfig } from "./architecture/config.ts";
import type {
  CallOptions,
  DecodeOptions,
  DecoderOutput,
  DetokenizeOptions,
  MemoryOptions,
  MemoryPlan,
  ProfileOptions,
  QuantizerOutput,
  TokenizeOptions,
  TuneOptions,
  VQEncoderOutput,
} from "./options.ts";
import type { Profile } from "./profile.ts";
import type { Codebook, TokenIndices, Tokens, TokensLike } from "./tokens/mod.ts";

/**
 * What a model here, {@linkcode VQModel}, and one in a worker, {@linkcode WorkerModel}, have in common. Functions that take
 * this type work with both.
 *
 * Every method refuses options that it does not know with a `TypeError` that names the nearest known one.
 */
export interface ModelMethods extends Disposable {
  /** The parameters of `config.json`, defaults filled in. */
  readonly config: VQConfig;

  /** The commit of the Hub's repository that the model was loaded from; `undefined` for a model from elsewhere. */
  readonly commit: string | undefined;

  /** Which engine computes: `"webgpu"` or `"wasm"`. */
  readonly device: Backend["device"];

  /** The element type of weights and intermediate values on the device; inputs and results are float32. */
  readonly dtype: Backend["dtype"];

  /**
   * How many threads compute on the CPU engine: fewer than asked for, namely 1, where workers or shared memory are missing.
   * Always 1 on WebGPU.
   */
  readonly threads: number;

  /** Pixels per token along each side of a picture: 2 to the power of the number of levels minus 1. */
  readonly downsamplingFactor: number;

  /** The half that is loaded, see {@linkcode ComputeOptions.only}; `undefined` for both. */
  readonly only: ModelHalf | undefined;

  /**
   * The range of pixels that the model takes and gives: `"signed"` is -1 to 1, `"unit"` is 0 to 1. Families of other
   * checkpoints have their own. Diffusers' `config.json` does not state it: `"unit"` with `lookup_from_codebook`, as in
   * aMUSEd's models, otherwise `"signed"`. For a model that was trained on another range, pass `doNormalize` to
   * {@linkcode ImageProcessor.for}.
   */
  readonly pixelRange: PixelRange;

  /**
   * Bytes that the model holds on its device now, and how many of them are in use. Includes the float32 weights that a
   * model in float16 repeats calls with. Memory beyond that is kept for the next calls: see {@linkcode MemoryUse}.
   *
   * With a shape, bytes that a call would need on the device. Nothing is computed or allocated. With a tight memory limit,
   * the call itself may need less, or fit where this method finds no plan: it spends more time on planning.
   *
   * A model in a worker returns a promise.
   *
   * @throws {RangeError} if the method does not take such a shape
   * @throws {TypeError} if only half of what the method needs is loaded, or `editable` is not an option of it
   * @throws {DeviceError} if the device cannot run it at all
   *
   * @example
   * ```ts
   * import { VQModel } from "@codebook/vqmodel";
   * import { assert } from "@std/assert";
   *
   * using model = await VQModel.fromPretrained("examples/models/leaves-f4");
   * const { weights, activations, peak } = model.memory({ shape: [1, 3, 512, 512] });
   * assert(peak === weights + activations);
   * ```
   */
  memory(): MemoryUse | Promise<MemoryUse>;
  /** Bytes that a call would need. */
  memory(options: MemoryOptions): MemoryPlan | Promise<MemoryPlan>;

  /** Number of parameters; with {@linkcode ComputeOptions.only}, of the half that is loaded. */
  numParameters(): number;

  /**
   * Upstream's `VQModel.encode`: continuous latents, before quantization. With `returnDict: false`, `[latents]`.
   *
   * @param sample float32 `[n, in_channels, H, W]`, each side at least {@linkcode VQModel.downsamplingFactor}. Each
   * level but the last halves the sides, rounding down
   */
  encode(sample: Tensor, options?: CallOptions & { returnDict?: true }): Promise<VQEncoderOutput>;
  /** With `returnDict: false`, `[latents]`. */
  encode(sample: Tensor, options: CallOptions & { returnDict: false }): Promise<[latents: Tensor]>;
  /** Depending on `options.returnDict`. */
  encode(sample: Tensor, options?: CallOptions): Promise<VQEncoderOutput | [Tensor]>;

  /**
   * Upstream's `VQModel.quantize`: the nearest code of each pixel.
   *
   * @param latents float32 `[n, vq_embed_dim, h, w]`
   */
  quantize(latents: Tensor, options?: Omit<CallOptions, "returnDict">): Promise<QuantizerOutput>;

  /**
   * Upstream's `VQModel.decode`: quantizes the latents, unless `forceNotQuantize` is set, and decodes them. With
   * `returnDict: false`, `[sample, commitLoss]`.
   *
   * @param latents float32 `[n, vq_embed_dim, h, w]`; with `forceNotQuantize` and a model with `lookup_from_codebook`,
   * int32 indices, as a tensor or in arrays, and `options.shape` is needed
   */
  decode(latents: Tensor | TokenIndices, options?: DecodeOptions & { returnDict?: true }): Promise<DecoderOutput>;
  /** With `returnDict: false`, `[sample, commitLoss]`. */
  decode(
    latents: Tensor | TokenIndices,
    options: DecodeOptions & { returnDict: false },
  ): Promise<[sample: Tensor, commitLoss: Tensor]>;
  /** Depending on `options.returnDict`. */
  decode(latents: Tensor | TokenIndices, options?: DecodeOptions): Promise<DecoderOutput | [Tensor, Tensor]>;

  /**
   * Upstream's `VQModel.forward`: encodes, quantizes and decodes. With `returnDict: false`, `[sample, commitLoss]`.
   *
   * @param sample as for {@linkcode VQModel.encode}
   */
  forward(sample: Tensor, options?: CallOptions & { returnDict?: true }): Promise<DecoderOutput>;
  /** With `returnDict: false`, `[sample, commitLoss]`. */
  forward(sample: Tensor, options: CallOptions & { returnDict: false }): Promise<[sample: Tensor, commitLoss: Tensor]>;
  /** Depending on `options.returnDict`. */
  forward(sample: Tensor, options?: CallOptions): Promise<DecoderOutput | [Tensor, Tensor]>;

  /**
   * Measures each op of {@linkcode VQModel.forward}: device time on WebGPU, wall time on the CPU engine.
   *
   * @param sample as for {@linkcode VQModel.encode}
   * @throws {DeviceError} if a WebGPU device has no `timestamp-query`
   */
  profile(sample: Tensor, options?: ProfileOptions): Promise<Profile>;

  /**
   * Finds the fastest algorithms and kernel shapes for this model on its WebGPU device, and uses them from then on.
   * Takes seconds on a GPU, minutes on a software adapter; other work on the device disturbs the measurement. Results
   * stay the same up to rounding. The findings are kept in `tuningStore`, and used by models with layers of the same
   * sizes that are loaded on such a device later. Does nothing on the CPU engine.
   *
   * @throws {DeviceError} if the device has no `timestamp-query`, or not enough memory for a second copy of the weights
   * @throws {RangeError} if the model does not take pictures of this shape, or `sample_size` gives no shape
   */
  tune(options?: TuneOptions): Promise<void>;

  /**
   * Picture to tokens in one pass.
   *
   * @param sample as for {@linkcode VQModel.encode}
   * @throws {RangeError} if `sample` holds NaN or infinity; the message names the first place. `encode` does not check
   * that, as upstream does not
   *
   * @example
   * ```ts
   * import { ImageProcessor, VQModel } from "@codebook/vqmodel";
   * import { assertEquals } from "@std/assert";
   *
   * using model = await VQModel.fromPretrained("examples/models/leaves-f4");
   * const picture = await ImageProcessor.for(model).preprocess("examples/images/close-up.png");
   * const { indices, margins } = await model.tokenize(picture, { margins: true });
   * assertEquals(margins!.length, indices.length); // the least margins belong to the least certain tokens
   * ```
   */
  tokenize(sample: Tensor, options?: TokenizeOptions): Promise<Tokens>;

  /**
   * Tokens to picture: `[n, out_channels, H, W]`, not clamped.
   *
   * With `changed` and `previous`, as in a paint tool, only a window around the changed tokens is decoded: 12 tokens more
   * on each side, of which the inner 6 replace those of `previous`, in a copy on the host. Everything that depends on all
   * pixels is taken from the last decoding as a whole: the statistics of the norms, and the keys and values of the
   * attentions. So the result is not exactly that of decoding all tokens. In levels of 255:
   *
   * - Statistics are older than the edit. If 8×8 of 96×64 tokens of the bundled model are replaced at random, pictures
   *   differ by up to 7 (root mean square up to 0.6); if one token is, by up to 0.4 (0.01).
   * - Influence across more than 6 tokens is left out, and the border of the window lacks its surroundings: in the bundled
   *   model each is below 0.3. Deeper decoders reach farther.
   * - Attention carries an edit everywhere, which is left out outside the window. In the architecture of vq-f4 with random
   *   weights, which mix pixels more than trained ones, all three together are up to 62 (root mean square 2.4).
   *
   * Edits in a row do not drift, as all use the results of the same decoding as a whole. For the exact picture, and to start
   * from it, leave out `changed` and `previous` and set `editable` again: at the end of a stroke, say, and before saving.
   * That happens by itself where the window would be the whole grid. It is also needed after a lost device was replaced.
   *
   * On the CPU engine, 8×8 of 96×64 tokens take about a fifth of the time of all, for the bundled model as for vq-f4.
   *
   * @example
   * ```ts
   * import { ImageProcessor, VQModel } from "@codebook/vqmodel";
   *
   * using model = await VQModel.fromPretrained("examples/models/leaves-f4");
   * const picture = await ImageProcessor.for(model).preprocess("examples/images/close-up.png", { height: 160, width: 160 });
   * const { indices, shape } = await model.tokenize(picture);
   *
   * let painted = await model.detokenize({ indices, shape }, { editable: true });
   * for (const [y, x] of [[20, 10], [20, 11], [21, 12]]) {
   *   indices[y * shape[2] + x] = 7;
   *   painted = await model.detokenize({ indices, shape }, { changed: [y, x, y + 1, x + 1], previous: painted });
   * }
   * ```
   *
   * @param tokens the result of {@linkcode VQModel.tokenize} or {@linkcode readTokens}; or indices in arrays of any
   * integer type; or just arrays, nested as `[h][w]` or `[n][h][w]`
   * @throws {TypeError} if there are no indices, the shape is invalid, or `previous` is no picture that this model decoded
   * with `editable` or `changed`, or was disposed
   * @throws {RangeError} if an index is not in the codebook, the number of indices does not fit the shape,
   * `tokens.codebook` is another codebook, `changed` is not within the grid, or `previous` is of another grid
   */
  detokenize(tokens: TokensLike | TokenIndices, options?: DetokenizeOptions): Promise<Tensor>;

  /**
   * Identifies this model's codebook. `{ ...tokens, codebook: await model.codebook() }` are tokens that only a model
   * with the same codebook decodes, also when they are saved to a file. The first call reads the codebook again from
   * the model's files.
   *
   * @throws {HubError} if the model's files are no longer there
   * @throws {WeightsError} if the codebook cannot be read
   */
  codebook(): Promise<Codebook>;

  /**
   * The codes themselves: a host tensor `[codes, dimensions]`, float32. They are those that are decoded: where codes are
   * unit vectors, normalized; where they are signs, ±1. Each call reads them again from the model's files.
   *
   * @throws {HubError} if the model's files are no longer there
   * @throws {WeightsError} if the codebook cannot be read
   *
   * @example
   * ```ts
   * import { VQModel } from "@codebook/vqmodel";
   * import { assertEquals } from "@std/assert";
   *
   * using model = await VQModel.fromPretrained("examples/models/leaves-f4");
   * assertEquals((await model.codes()).shape, [1024, 4]);
   * ```
   */
  codes(): Promise<Tensor>;

  /** Frees all device memory, including that of results that were not disposed. Disposing twice is harmless. */
  dispose(): void;
}

/**
 * The model: Diffusers' `VQModel`.
 *
 * @module
 */

import {
  checkOptions,
  HUB_MODEL_OPTIONS,
  type HubModelOptions,
  locateModel,
  type ModelFiles,
  openModel,
  openTextStore,
  pickOptions,
  PUSH_OPTIONS,
  type PushOptions,
  type PushResult,
  pushToHub,
  SAVE_OPTIONS,
  type SaveOptions,
  withTemporaryDirectory,
} from "../hub/mod.ts";
import { type Backend, type MemoryUse, Tensor } from "../kernels/mod.ts";
import { downsamplingFactor, type VQConfig } from "./architecture/config.ts";
import {
  checkDecodable,
  checkInputShape,
  checkLatents,
  checkMemoryLimit,
  checkSample,
  checkTokens,
  toIndices,
  usualShape,
} from "./arguments.ts";
import { type Checkpoint, countParameters, hashCodebook, readCheckpoint, withFiles } from "./engine/checkpoint.ts";
import { Engine } from "./engine/engine.ts";
import {
  CALL_OPTIONS,
  COMPUTE_OPTIONS,
  DECODE_OPTIONS,
  DICT_CALL_OPTIONS,
  LOAD_OPTIONS,
  MEMORY_OPTIONS,
  PROFILE_OPTIONS,
  TUNE_OPTIONS,
} from "./option_names.ts";
import type {
  CallOptions,
  ComputeOptions,
  DecodeOptions,
  DecoderOutput,
  LoadOptions,
  MemoryOptions,
  MemoryPlan,
  ProfileOptions,
  QuantizerOutput,
  TuneOptions,
  VQEncoderOutput,
} from "./options.ts";
import { medianOps, Profile } from "./profile.ts";
import { saveModel } from "./save.ts";
import {
  checkCodebook,
  type Codebook,
  type TokenIndices,
  type Tokens,
  type TokensLike,
  toTokens,
} from "./tokens/mod.ts";

/**
 * A VQ autoencoder: picture → latents → nearest codes → picture.
 *
 * @example
 * ```ts ignore
 * import { ImageProcessor, VQModel } from "@codebook/vqmodel";
 *
 * using model = await VQModel.fromPretrained("amused/amused-256");
 * const processor = new ImageProcessor({ vaeScaleFactor: model.downsamplingFactor, doNormalize: false });
 *
 * const tokens = await model.tokenize(await processor.preprocess("picture.png"));
 * using decoded = await model.detokenize(tokens);
 * const [picture] = await processor.postprocess(decoded);
 * await picture.save("reconstruction.png");
 * ```
 */
export class VQModel {
  /** The parameters of `config.json`, defaults filled in. */
  readonly config: VQConfig;
  readonly #engine: Engine;
  readonly #checkpoint: Checkpoint;
  readonly #name?: string;
  #codebookHash?: string;

  private constructor(engine: Engine, checkpoint: Checkpoint, name?: string) {
    this.config = checkpoint.parsed.config;
    this.#engine = engine;
    this.#checkpoint = checkpoint;
    this.#name = name;
  }

  /**
   * Loads a model that Diffusers saved; upstream's `from_pretrained`.
   *
   * @param source `"owner/name"` on the Hub, a directory, or a `file:` URL of one
   * @throws {HubError} if the files cannot be found or downloaded
   * @throws {ConfigError} if `config.json` describes no VQModel
   * @throws {WeightsError} if the weights are damaged, or do not fit the configuration
   * @throws {DeviceError} if there is no such device
   */
  static async fromPretrained(source: string | URL, options: LoadOptions = {}): Promise<VQModel> {
    checkOptions("load model", options, LOAD_OPTIONS);
    const { revision, tuningStore = openTextStore(options.cacheDir) } = options;
    const place = await locateModel(source);
    let fileOptions = pickOptions<HubModelOptions>(options, HUB_MODEL_OPTIONS);
    const open = async () => {
      const files = await openModel(place, fileOptions);
      // Opened again, they are the same files, whatever the branch is then; the signal was for loading.
      fileOptions = { ...fileOptions, revision: files.commit ?? revision, signal: undefined };
      return files;
    };
    const computeOptions = pickOptions<ComputeOptions>(options, COMPUTE_OPTIONS);
    return await VQModel.#load(open, { ...computeOptions, tuningStore }, `${source}`);
  }

  /**
   * Loads a model from files that something else opens, such as bytes in memory.
   *
   * @param open opens the files; called once for loading, once for each saving, once for
   * {@linkcode VQModel.codebook}, once where a model in float16 is needed in float32, and once for each device that is lost
   * @throws {ConfigError} if the configuration describes no VQModel
   * @throws {WeightsError} if the weights are damaged, or do not fit the configuration
   * @throws {DeviceError} if there is no such device
   */
  static async fromFiles(open: () => Promise<ModelFiles>, options: ComputeOptions = {}): Promise<VQModel> {
    checkOptions("load model", options, COMPUTE_OPTIONS);
    return await VQModel.#load(open, options);
  }

  static async #load(open: () => Promise<ModelFiles>, options: ComputeOptions, name?: string): Promise<VQModel> {
    checkMemoryLimit(options.memoryLimit);
    return await withFiles(open, async (files) => {
      const checkpoint = readCheckpoint(files, open);
      options.signal?.throwIfAborted();
      return new VQModel(await Engine.load(checkpoint, files, options), checkpoint, name);
    });
  }

  /** Which engine computes: `"webgpu"` or `"wasm"`. */
  get device(): Backend["device"] {
    return this.#engine.device;
  }

  /** What weights and intermediate values are stored in on the device; inputs and results are float32. */
  get dtype(): Backend["dtype"] {
    return this.#engine.dtype;
  }

  /** Pixels along each side of a picture for one token: 2 to the number of levels less one. */
  get downsamplingFactor(): number {
    return downsamplingFactor(this.config);
  }

  /**
   * Bytes the model holds on its device now, and how many of them are in use; those included that a model in float16 holds
   * to repeat calls in float32. Held beyond what is in use is what one of the last four calls needed, see
   * {@linkcode MemoryUse}.
   */
  memory(): MemoryUse;
  /**
   * Bytes that a call would need on the device. Nothing is computed or allocated. A limit of memory is planned for only a
   * third of a second: where it is tight, the call itself, which plans longer, may take less, or fit where this says no.
   *
   * @throws {RangeError} if the method does not take such a shape
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
  memory(options: MemoryOptions): MemoryPlan;
  memory(options?: MemoryOptions): MemoryUse | MemoryPlan {
    checkOptions("plan memory", options, MEMORY_OPTIONS);
    if (options === undefined) return this.#engine.memory;
    const { shape, method = "forward" } = options;
    this.#engine.checkUsable();
    checkInputShape(method, shape, this.config);
    return this.#engine.measure(method, shape);
  }

  /**
   * The most bytes that weights and a call may take together; `undefined`, the default, for no limit but the device's. A call
   * that would take more is computed in bands of rows: that takes longer, and the result is the same up to rounding.
   * Unlike upstream's `enable_tiling` (`AutoencoderKL`), whose tiles overlap and are blended.
   *
   * @throws {RangeError} when set to anything but a number > 0 or `undefined`
   */
  get memoryLimit(): number | undefined {
    return this.#engine.memoryLimit;
  }

  set memoryLimit(bytes: number | undefined) {
    checkMemoryLimit(bytes);
    this.#engine.memoryLimit = bytes;
  }

  /** Number of parameters. */
  numParameters(): number {
    return countParameters(this.#checkpoint.parameters);
  }

  /**
   * Upstream's `VQModel.encode`: continuous latents, before quantization.
   *
   * @param sample float32 `[n, in_channels, H, W]`, each side at least {@linkcode VQModel.downsamplingFactor}; sides are
   * halved and floored level by level
   */
  encode(sample: Tensor, options?: CallOptions & { returnDict?: true }): Promise<VQEncoderOutput>;
  /** With `returnDict: false`, `[latents]`. */
  encode(sample: Tensor, options: CallOptions & { returnDict: false }): Promise<[latents: Tensor]>;
  /** As `options.returnDict` says. */
  encode(sample: Tensor, options?: CallOptions): Promise<VQEncoderOutput | [Tensor]>;
  async encode(sample: Tensor, options: CallOptions = {}): Promise<VQEncoderOutput | [Tensor]> {
    checkOptions("encode", options, DICT_CALL_OPTIONS);
    checkSample(sample, this.config);
    const [latents] = await this.#engine.call("encode", sample, options);
    return options.returnDict === false ? [latents] : { latents };
  }

  /**
   * Upstream's `VQModel.quantize`: the nearest code of each pixel.
   *
   * @param latents float32 `[n, vq_embed_dim, h, w]`
   */
  async quantize(latents: Tensor, options: Omit<CallOptions, "returnDict"> = {}): Promise<QuantizerOutput> {
    checkOptions("quantize", options, CALL_OPTIONS);
    checkLatents(latents, this.config);
    const [quantized, indices, loss] = await this.#engine.call("quantize", latents, options);
    return { quantized, indices, loss };
  }

  /**
   * Upstream's `VQModel.decode`: quantizes the latents, unless told otherwise, and decodes them.
   *
   * @param latents float32 `[n, vq_embed_dim, h, w]`; with `forceNotQuantize`, for models with `lookup_from_codebook`,
   * int32 indices or arrays of them, and `shape` says how they lie
   */
  decode(latents: Tensor | TokenIndices, options?: DecodeOptions & { returnDict?: true }): Promise<DecoderOutput>;
  /** With `returnDict: false`, `[sample, commitLoss]`. */
  decode(
    latents: Tensor | TokenIndices,
    options: DecodeOptions & { returnDict: false },
  ): Promise<[sample: Tensor, commitLoss: Tensor]>;
  /** As `options.returnDict` says. */
  decode(latents: Tensor | TokenIndices, options?: DecodeOptions): Promise<DecoderOutput | [Tensor, Tensor]>;
  async decode(
    latents: Tensor | TokenIndices,
    options: DecodeOptions = {},
  ): Promise<DecoderOutput | [Tensor, Tensor]> {
    checkOptions("decode", options, DECODE_OPTIONS);
    const { forceNotQuantize = false, shape, returnDict } = options;
    checkDecodable(this.config);
    const takesIndices = forceNotQuantize && this.config.lookup_from_codebook;
    const pass = takesIndices ? "detokenize" : forceNotQuantize ? "decodeContinuous" : "decode";
    const input = takesIndices ? await toIndices(latents, shape, this.config) : checkLatents(latents, this.config);
    const [sample, commitLoss = zeros(input.shape[0])] = await this.#engine.call(pass, input, options);
    return returnDict === false ? [sample, commitLoss] : { sample, commitLoss };
  }

  /**
   * Upstream's `VQModel.forward`: encodes, quantizes and decodes.
   *
   * @param sample as for {@linkcode VQModel.encode}
   */
  forward(sample: Tensor, options?: CallOptions & { returnDict?: true }): Promise<DecoderOutput>;
  /** With `returnDict: false`, `[sample, commitLoss]`. */
  forward(sample: Tensor, options: CallOptions & { returnDict: false }): Promise<[sample: Tensor, commitLoss: Tensor]>;
  /** As `options.returnDict` says. */
  forward(sample: Tensor, options?: CallOptions): Promise<DecoderOutput | [Tensor, Tensor]>;
  async forward(sample: Tensor, options: CallOptions = {}): Promise<DecoderOutput | [Tensor, Tensor]> {
    checkOptions("run forward", options, DICT_CALL_OPTIONS);
    checkSample(sample, this.config);
    checkDecodable(this.config);
    const [decoded, commitLoss] = await this.#engine.call("forward", sample, options);
    return options.returnDict === false ? [decoded, commitLoss] : { sample: decoded, commitLoss };
  }

  /**
   * Measures each op of {@linkcode VQModel.forward}: the device's time on WebGPU, wall time on the CPU engine.
   *
   * @param sample as for {@linkcode VQModel.encode}
   * @throws {DeviceError} if a WebGPU device has no `timestamp-query`
   */
  async profile(sample: Tensor, options: ProfileOptions = {}): Promise<Profile> {
    checkOptions("profile", options, PROFILE_OPTIONS);
    const { rounds = 5, signal } = options;
    if (!Number.isSafeInteger(rounds) || rounds < 1) {
      throw new RangeError(`Cannot profile: rounds must be a whole number ≥ 1, found ${rounds}`);
    }
    checkSample(sample, this.config);
    checkDecodable(this.config);
    const runs = await this.#engine.profile("forward", sample, rounds, signal);
    return new Profile(this.device, medianOps(runs));
  }

  /**
   * Measures which algorithms and kernel shapes compute this model the fastest on its WebGPU device, and uses those from
   * then on: for seconds on a GPU, for minutes on a software adapter, in which other work on the device would disturb.
   * Results stay the same up to rounding. What is found is kept: models that are loaded on such a device later use it, as
   * far as they have layers of the same sizes. Models on the CPU engine have nothing to tune, and stay as they are.
   *
   * @throws {DeviceError} if the device has no `timestamp-query`, or no memory for the weights a second time
   * @throws {RangeError} if the model does not take pictures of this shape, or there is none to be had from `sample_size`
   */
  async tune(options: TuneOptions = {}): Promise<void> {
    checkOptions("tune", options, TUNE_OPTIONS);
    const { shape = usualShape(this.config), ...measuring } = options;
    this.#engine.checkUsable();
    checkInputShape("forward", shape, this.config);
    await this.#engine.tune("forward", shape, measuring);
  }

  /**
   * Picture to tokens in one pass.
   *
   * @param sample as for {@linkcode VQModel.encode}
   * @throws {RangeError} that names the first place in `sample` that is NaN or infinite, if there is one, as such a picture
   * has no tokens; {@linkcode VQModel.encode} passes it on, as upstream does
   */
  async tokenize(sample: Tensor, options: Omit<CallOptions, "returnDict"> = {}): Promise<Tokens> {
    checkOptions("tokenize", options, CALL_OPTIONS);
    checkSample(sample, this.config);
    const [result] = await this.#engine.call("tokenize", sample, { ...options, toHost: true });
    options.signal?.throwIfAborted();
    const tokens = { indices: await result.data() as Int32Array, shape: result.shape as Tokens["shape"] };
    await checkTokens(tokens, sample);
    return tokens;
  }

  /**
   * Tokens to picture: `[n, out_channels, H, W]`, not clamped.
   *
   * @param tokens as {@linkcode VQModel.tokenize} and {@linkcode readTokens} give them; or arrays of any integer type; or
   * arrays alone, nested as `[h][w]` or `[n][h][w]`
   * @throws {TypeError} if there are no indices, or the shape is none
   * @throws {RangeError} if an index is not in the codebook, there are too few or too many for the shape, or the tokens say
   * that they are of another codebook
   */
  async detokenize(tokens: TokensLike | TokenIndices, options: Omit<CallOptions, "returnDict"> = {}): Promise<Tensor> {
    checkOptions("detokenize", options, CALL_OPTIONS);
    checkDecodable(this.config);
    const { codebook } = Object(tokens) as TokensLike;
    if (codebook) checkCodebook(codebook, await this.codebook()); // first: it tells why indices may be out of range
    const { indices, shape } = toTokens(tokens, this.config.num_vq_embeddings);
    const [sample] = await this.#engine.call("detokenize", new Tensor(indices, shape), options);
    return sample;
  }

  /**
   * What tells this model's codebook from others. `{ ...tokens, codebook: await model.codebook() }` are tokens that say
   * which they are of, in files too. The first call reads the codebook once more from where the model was loaded.
   *
   * @throws {HubError} if the model's files are no longer there
   * @throws {WeightsError} if the codebook cannot be read
   */
  async codebook(): Promise<Codebook> {
    this.#engine.checkUsable();
    this.#codebookHash ??= await hashCodebook(this.#checkpoint);
    return { hash: this.#codebookHash, codes: this.config.num_vq_embeddings, model: this.#name };
  }

  /**
   * Saves `config.json` and `diffusion_pytorch_model.safetensors`, or shards of it, float32, as Diffusers does and loads.
   * The weights are read once more from where the model was loaded. A model that is there is exchanged as a whole: see
   * `saveLocalModel`. Upstream's `save_pretrained`.
   *
   * @param directory created if need be
   * @throws {HubError} if the model's files are no longer there, or the directory cannot be written
   * @throws {WeightsError} if the weights cannot be read or written
   */
  async savePretrained(directory: string | URL, options: SaveOptions = {}): Promise<void> {
    checkOptions("save model", options, SAVE_OPTIONS);
    this.#engine.checkUsable();
    await saveModel(directory, this.#checkpoint, options);
  }

  /**
   * Saves the model into a temporary directory, and puts that on the Hub in one commit. Upstream's `push_to_hub`. Options of
   * {@linkcode VQModel.fromPretrained} are allowed too: those for access to the Hub apply, the others are ignored.
   *
   * @param repo `"owner/name"`, created if need be
   * @throws {HubError} if there is no token, it lacks the permission, or the upload fails
   */
  async pushToHub(repo: string, options: PushOptions & SaveOptions = {}): Promise<PushResult> {
    // One object may say how to reach the Hub for loading and pushing.
    checkOptions("push model", options, { ...LOAD_OPTIONS, ...PUSH_OPTIONS, ...SAVE_OPTIONS });
    return await withTemporaryDirectory(async (directory) => {
      await this.savePretrained(directory, pickOptions<SaveOptions>(options, SAVE_OPTIONS));
      return await pushToHub(repo, directory, pickOptions<PushOptions>(options, PUSH_OPTIONS));
    });
  }

  /** Frees all device memory, that of tensors not yet disposed of included. Disposing twice is harmless. */
  dispose(): void {
    this.#engine.dispose();
  }

  /** {@linkcode VQModel.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

function zeros(n: number): Tensor {
  return new Tensor(new Float32Array(n), [n]);
}

/**
 * The model: Diffusers' `VQModel`.
 *
 * @module
 */

import {
  locateModel,
  type ModelFiles,
  openModel,
  openTextStore,
  type PushOptions,
  type PushResult,
  pushToHub,
  type SaveOptions,
  withTemporaryDirectory,
} from "../hub/mod.ts";
import {
  type Backend,
  Graph,
  type MemoryUse,
  OverflowError,
  type Parameter,
  type Program,
  type Shape,
  Tensor,
} from "../kernels/mod.ts";
import {
  asItIsNow,
  checkDecodable,
  checkIndices,
  checkInputShape,
  checkLatents,
  checkSample,
  checkTokens,
  rangeOf,
} from "./arguments.ts";
import { downsamplingFactor, parseConfig, type ParsedConfig, type VQConfig } from "./architecture/config.ts";
import { countParameters, hashCodebook, withFiles } from "./engine/checkpoint.ts";
import { ConfigError } from "./architecture/errors.ts";
import { Float32Engine } from "./engine/float32_engine.ts";
import type {
  CallOptions,
  ComputeOptions,
  DecodeOptions,
  DecoderOutput,
  EncoderOutput,
  LoadOptions,
  MemoryOptions,
  MemoryPlan,
  ProfileOptions,
  QuantizerOutput,
  TuneOptions,
} from "./options.ts";
import { modelParameters, type Pass, recordPass } from "./architecture/passes.ts";
import { medianOps, Profile } from "./profile.ts";
import { tell } from "./progress.ts";
import { ReplaceableEngine } from "./engine/replaceable_engine.ts";
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
  readonly #parsed: ParsedConfig;
  readonly #engine: ReplaceableEngine;
  readonly #float32: Float32Engine;
  readonly #parameters: readonly Parameter[];
  readonly #reopen: () => Promise<ModelFiles>;
  #name?: string;
  #codebookHash?: string;
  #disposed = false;

  private constructor(
    parsed: ParsedConfig,
    parameters: readonly Parameter[],
    engine: ReplaceableEngine,
    float32: Float32Engine,
    reopen: () => Promise<ModelFiles>,
  ) {
    this.config = parsed.config;
    this.#parsed = parsed;
    this.#parameters = parameters;
    this.#engine = engine;
    this.#float32 = float32;
    this.#reopen = reopen;
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
    const place = await locateModel(source);
    let opening = options;
    const { tuningStore = openTextStore(options.cacheDir) } = options;
    const model = await VQModel.fromFiles(async () => {
      const files = await openModel(place, opening);
      // Whoever opens them later gets the same files, wherever the branch is then; the signal was for loading.
      opening = { ...options, revision: files.commit ?? options.revision, signal: undefined };
      return files;
    }, { ...options, tuningStore });
    model.#name = `${source}`;
    return model;
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
  static async fromFiles(
    open: () => Promise<ModelFiles>,
    options: ComputeOptions = {},
  ): Promise<VQModel> {
    return await withFiles(open, async (files) => {
      const parsed = readConfig(files);
      const parameters = modelParameters(parsed.config);
      options.signal?.throwIfAborted();
      const engine = await ReplaceableEngine.load({ parameters, open, options }, files);
      const inFloat32 = { parameters, open, options: { ...options, dtype: "float32", signal: undefined } } as const;
      const float32 = new Float32Engine(
        () => withFiles(open, (again) => ReplaceableEngine.load(inFloat32, again)),
        (reason) => tell(files, options, { status: "repeat", loaded: 0, total: parameters.length, reason }),
      );
      return new VQModel(parsed, parameters, engine, float32, open);
    });
  }

  /** Which engine computes: `"webgpu"` or `"wasm"`. */
  get device(): Backend["device"] {
    return this.#engine.backend.device;
  }

  /** What weights and intermediate values are stored in on the device; inputs and results are float32. */
  get dtype(): Backend["dtype"] {
    return this.#engine.backend.dtype;
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
    if (!options) {
      const [own, repeats] = [this.#engine.backend.memory, this.#float32.memory];
      return {
        weights: own.weights + repeats.weights,
        buffers: own.buffers + repeats.buffers,
        held: own.held + repeats.held,
        used: own.used + repeats.used,
      };
    }
    const { shape, method = "forward" } = options;
    const graph = this.#record(method, shape);
    const { weights } = this.#engine.backend.memory;
    const activations = this.#engine.backend.measure(graph, { memoryLimit: this.#engine.programs.memoryLimit });
    return { weights, activations, peak: weights + activations };
  }

  /**
   * Bounds the memory of calls: what would take more than `bytes`, weights included, is computed in bands of rows. Unlike
   * `enable_tiling` of upstream's `AutoencoderKL`, whose tiles overlap and are blended, the result is the same up to
   * rounding; but it takes longer. What the device could not hold otherwise is computed in bands also without this.
   *
   * @throws {RangeError} if `bytes` is no positive number
   */
  enableTiling(bytes: number): void {
    if (typeof bytes !== "number" || !(bytes > 0)) {
      throw new RangeError(`Cannot bound memory: expected a number of bytes > 0, found ${bytes}`);
    }
    this.#engine.programs.memoryLimit = bytes;
  }

  /** Takes back what {@linkcode VQModel.enableTiling} asked for. */
  disableTiling(): void {
    this.#engine.programs.memoryLimit = undefined;
  }

  /** How many numbers the weights are. */
  numParameters(): number {
    return countParameters(this.#parameters);
  }

  /**
   * Upstream's `VQModel.encode`: continuous latents, before quantization.
   *
   * @param sample float32 `[n, in_channels, H, W]`, each side at least {@linkcode VQModel.downsamplingFactor}; sides are
   * halved and floored level by level
   */
  encode(sample: Tensor, options?: CallOptions & { returnDict?: true }): Promise<EncoderOutput>;
  /** With `returnDict: false`, `[latents]`. */
  encode(sample: Tensor, options: CallOptions & { returnDict: false }): Promise<[latents: Tensor]>;
  /** As `options.returnDict` says. */
  encode(sample: Tensor, options?: CallOptions): Promise<EncoderOutput | [Tensor]>;
  async encode(sample: Tensor, options: CallOptions = {}): Promise<EncoderOutput | [Tensor]> {
    checkSample(sample, this.config);
    const [latents] = await this.#run("encode", sample, options);
    return options.returnDict === false ? [latents] : { latents };
  }

  /**
   * Upstream's `VQModel.quantize`: the nearest code of each pixel.
   *
   * @param latents float32 `[n, vq_embed_dim, h, w]`
   */
  async quantize(latents: Tensor, options: Omit<CallOptions, "returnDict"> = {}): Promise<QuantizerOutput> {
    checkLatents(latents, this.config);
    const [quantized, indices, loss] = await this.#run("quantize", latents, options);
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
    const { forceNotQuantize = false, shape, returnDict } = options;
    checkDecodable(this.config);
    const output = !forceNotQuantize
      ? await this.#decodeQuantized(latents, options)
      : this.config.lookup_from_codebook
      ? await this.#decodeIndices(latents, shape, options)
      : await this.#decodeContinuous(latents, options);
    return returnDict === false ? [output.sample, output.commitLoss] : output;
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
    checkSample(sample, this.config);
    checkDecodable(this.config);
    const [decoded, commitLoss] = await this.#run("forward", sample, options);
    return options.returnDict === false ? [decoded, commitLoss] : { sample: decoded, commitLoss };
  }

  /**
   * Measures each op of {@linkcode VQModel.forward}: the device's time on WebGPU, wall time on the CPU engine.
   *
   * @param sample as for {@linkcode VQModel.encode}
   * @throws {DeviceError} if a WebGPU device has no `timestamp-query`
   */
  async profile(sample: Tensor, options: ProfileOptions = {}): Promise<Profile> {
    const { rounds = 5, signal } = options;
    if (!Number.isSafeInteger(rounds) || rounds < 1) {
      throw new RangeError(`Cannot profile: rounds must be a whole number ≥ 1, found ${rounds}`);
    }
    checkSample(sample, this.config);
    checkDecodable(this.config);
    return await this.#use("forward", sample, options, async (program, input) => {
      const runs = [];
      for (let i = 0; i <= rounds; i++) runs.push(await program.profile([input], { signal }));
      return new Profile(this.device, medianOps(runs.slice(1)));
    });
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
    const shape = options.shape ?? usualShape(this.config);
    await this.#engine.tune(this.#record("forward", shape), options);
  }

  /**
   * Picture to tokens in one pass.
   *
   * @param sample as for {@linkcode VQModel.encode}
   * @throws {RangeError} that names the first place in `sample` that is NaN or infinite, if there is one, as such a picture
   * has no tokens; {@linkcode VQModel.encode} passes it on, as upstream does
   */
  async tokenize(sample: Tensor, options: Omit<CallOptions, "returnDict"> = {}): Promise<Tokens> {
    checkSample(sample, this.config);
    const tokens = await this.#use("tokenize", sample, options, async (program, input) => {
      const [indices] = await program.run([input], options);
      using result = indices;
      const data = await result.data() as Int32Array;
      options.signal?.throwIfAborted();
      return { indices: data, shape: result.shape as Tokens["shape"] };
    });
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
    checkDecodable(this.config);
    const { codebook } = Object(tokens) as TokensLike;
    if (codebook) checkCodebook(codebook, await this.codebook()); // first: it tells why indices may be out of range
    const { indices, shape } = toTokens(tokens, this.config.num_vq_embeddings);
    return await this.#decodeGrid(new Tensor(indices, shape), options);
  }

  /**
   * What tells this model's codebook from others. `{ ...tokens, codebook: await model.codebook() }` are tokens that say
   * which they are of, in files too. The first call reads the codebook once more from where the model was loaded.
   *
   * @throws {HubError} if the model's files are no longer there
   * @throws {WeightsError} if the codebook cannot be read
   */
  async codebook(): Promise<Codebook> {
    this.#checkUsable();
    this.#codebookHash ??= await withFiles(this.#reopen, ({ weights }) => hashCodebook(weights, this.#parameters));
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
    this.#checkUsable();
    await withFiles(this.#reopen, ({ weights }) => {
      return saveModel(directory, this.#parsed, this.#parameters, weights, options);
    });
  }

  /**
   * Saves the model into a temporary directory, and puts that on the Hub in one commit. Upstream's `push_to_hub`.
   *
   * @param repo `"owner/name"`, created if need be
   * @throws {HubError} if there is no token, it lacks the permission, or the upload fails
   */
  async pushToHub(repo: string, options: PushOptions & SaveOptions = {}): Promise<PushResult> {
    return await withTemporaryDirectory(async (directory) => {
      await this.savePretrained(directory, options);
      return await pushToHub(repo, directory, options);
    });
  }

  /** Frees all device memory, that of tensors not yet disposed of included. Disposing twice is harmless. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#engine.dispose();
    this.#float32.dispose();
  }

  /** {@linkcode VQModel.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  async #decodeQuantized(latents: Tensor | TokenIndices, options: CallOptions): Promise<DecoderOutput> {
    checkLatents(latents, this.config);
    const [sample, commitLoss] = await this.#run("decode", latents, options);
    return { sample, commitLoss };
  }

  async #decodeContinuous(latents: Tensor | TokenIndices, options: CallOptions): Promise<DecoderOutput> {
    checkLatents(latents, this.config);
    const [sample] = await this.#run("decodeContinuous", latents, options);
    return { sample, commitLoss: noLoss(latents.shape[0]) };
  }

  async #decodeIndices(
    indices: Tensor | TokenIndices,
    shape: readonly number[] | undefined,
    options: CallOptions,
  ): Promise<DecoderOutput> {
    checkIndices(indices, shape, this.config);
    const [n, h, w] = shape;
    const given = indices instanceof Tensor ? await indices.data() as Int32Array : indices;
    const tokens = toTokens({ indices: given, shape: [n, h, w] }, this.config.num_vq_embeddings); // shaders would clamp bad indices silently
    return { sample: await this.#decodeGrid(new Tensor(tokens.indices, tokens.shape), options), commitLoss: noLoss(n) };
  }

  /** Decodes int32 `[n, h, w]`, known to be in range. */
  async #decodeGrid(indices: Tensor, options: CallOptions): Promise<Tensor> {
    const [sample] = await this.#run("detokenize", indices, options);
    return sample;
  }

  /** Records a method for input of some shape, if it takes such. */
  #record(method: NonNullable<MemoryOptions["method"]>, shape: Shape): Graph {
    this.#checkUsable();
    checkInputShape(method, shape, this.config);
    const graph = new Graph();
    recordPass(graph, method, this.config, { shape, dtype: method === "detokenize" ? "int32" : "float32" });
    return graph;
  }

  /** Runs a pass, compiled for the shape of its input. */
  #run(pass: Pass, input: Tensor, options: CallOptions): Promise<Tensor[]> {
    const { signal, onProgress } = options;
    return this.#use(pass, input, options, (program, input) => program.run([input], { signal, onProgress }));
  }

  /** Has a pass compiled for the shape of its input, unless it is already, and hands it to `use`. */
  async #use<T>(
    pass: Pass,
    input: Tensor,
    { signal }: Pick<CallOptions, "signal">,
    use: (program: Program, input: Tensor) => Promise<T>,
  ): Promise<T> {
    this.#checkUsable();
    signal?.throwIfAborted();
    const given = asItIsNow(input);
    const pixels = rangeOf(given);
    const key = JSON.stringify([pass, given.shape, pixels]);
    const record = (g: Graph) => recordPass(g, pass, this.config, given, pixels);
    const call = (program: Program) => use(program, given);
    try {
      return await this.#engine.use((programs) =>
        programs.use(key, record, call).catch((error) => {
          if (!(error instanceof OverflowError)) throw error;
          return this.#float32.repeat(error, programs.memoryLimit, (repeating) => repeating.use(key, record, call));
        })
      );
    } catch (cause) {
      if (this.#disposed) throw new TypeError("Cannot use the model: it was disposed during the call", { cause });
      throw cause;
    }
  }

  #checkUsable(): void {
    if (this.#disposed) throw new TypeError("Cannot use the model: it was disposed");
  }
}

function readConfig({ config, configPath }: ModelFiles): ParsedConfig {
  try {
    return parseConfig(config);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new ConfigError(`${cause.message} (in ${configPath})`, { cause });
  }
}

/** The shape of one picture such as the model was trained on. */
function usualShape({ in_channels, sample_size }: VQConfig): Shape {
  if (sample_size === null) {
    throw new RangeError(
      "Cannot tune: config.sample_size is null. Pass the shape of a picture: shape: [1, 3, 256, 256]",
    );
  }
  const [height, width = height] = [sample_size].flat();
  return [1, in_channels, height, width];
}

function noLoss(n: number): Tensor {
  return new Tensor(new Float32Array(n), [n]);
}

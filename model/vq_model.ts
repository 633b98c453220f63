/**
 * The model: Diffusers' `VQModel`.
 *
 * @module
 */

import {
  checkOptions,
  type GivenFile,
  type ModelFiles,
  type ModelHalf,
  type PushOptions,
  type PushResult,
  SAVE_OPTIONS,
  type SaveOptions,
} from "../hub/mod.ts";
import { DISPOSE } from "../kernels/host/mod.ts";
import { type Backend, type MemoryUse, type PixelRange, Tensor } from "../kernels/mod.ts";
import { downsamplingFactor, embedDim, pixelRangeOf, type VQConfig } from "./architecture/config.ts";
import {
  checkDecodable,
  checkLatents,
  checkMemoryLimit,
  checkRounds,
  checkSample,
  checkTokens,
  decodingPass,
  planningPass,
  tuningPass,
} from "./arguments.ts";
import { type Checkpoint, countParameters, hashCodebook, readCodebook } from "./engine/checkpoint.ts";
import type { Engine } from "./engine/engine.ts";
import { type Loaded, loadFiles, loadGivenFiles, loadPretrained, loadSingleFile } from "./engine/load.ts";
import type { ModelMethods } from "./model_methods.ts";
import * as known from "./option_names.ts";
import type {
  CallOptions,
  ComputeOptions,
  DecodeOptions,
  DecoderOutput,
  DetokenizeOptions,
  LoadFileOptions,
  LoadGivenOptions,
  LoadOptions,
  MemoryOptions,
  MemoryPlan,
  ProfileOptions,
  QuantizerOutput,
  TokenizeOptions,
  TuneOptions,
  VQEncoderOutput,
} from "./options.ts";
import { decodeChanged, decodeEditable } from "./partial_decode.ts";
import { medianOps, Profile } from "./profile.ts";
import {
  checkCodebook,
  type Codebook,
  type TokenIndices,
  type Tokens,
  type TokensLike,
  tokensOf,
  tokensWithMargins,
  toTokens,
} from "./tokens/mod.ts";
import { connectModel, type ModelWorker, type WorkerModel } from "./worker/connect_model.ts";
import type { RemoteSource, WorkerOptions } from "./worker/protocol.ts";

/**
 * A VQ autoencoder: picture → latents → nearest codes → picture.
 *
 * Every method refuses options that it does not know with a `TypeError` that names the nearest known one. Those that a
 * model in a worker has as well are documented at {@linkcode ModelMethods}.
 *
 * @example
 * ```ts ignore
 * import { ImageProcessor, VQModel } from "@codebook/vqmodel";
 *
 * using model = await VQModel.fromPretrained("amused/amused-256");
 * const processor = ImageProcessor.for(model);
 *
 * const tokens = await model.tokenize(await processor.preprocess("picture.png"));
 * using decoded = await model.detokenize(tokens);
 * const [picture] = await processor.postprocess(decoded);
 * await picture.save("reconstruction.png");
 * ```
 */
export class VQModel implements ModelMethods {
  readonly config: VQConfig;

  readonly #engine: Engine;
  readonly #checkpoint: Checkpoint;
  readonly #source?: string;
  #codebookHash?: string;

  private constructor({ engine, checkpoint, source }: Loaded) {
    this.config = checkpoint.parsed.config;
    this.#engine = engine;
    this.#checkpoint = checkpoint;
    this.#source = source;
  }

  /**
   * Loads a model that Diffusers saved, or the only checkpoint of another family in a folder; upstream's `from_pretrained`.
   *
   * Of a model inside the shards of a larger one, such as Janus, only its own tensors are read: on the Hub by requests for
   * parts of files, which are not cached, and whose hashes cannot be checked.
   *
   * In a browser, files of the Hub are stored in the site's origin private file system, checked and found there later, also
   * without a network. What the browser does not store is kept in memory, and `onProgress` is called with `"uncached"`.
   *
   * @param source `"owner/name"` on the Hub, a directory, or a `file:` URL of one
   * @throws {HubError} if the files cannot be found or downloaded
   * @throws {ConfigError} if `config.json` describes no VQModel
   * @throws {WeightsError} if the weights are damaged, or do not fit the configuration
   * @throws {DeviceError} if there is no such device
   */
  static async fromPretrained(source: string | URL, options: LoadOptions = {}): Promise<VQModel> {
    checkOptions("load model", options, known.LOAD_OPTIONS);
    return new VQModel(await loadPretrained(source, options));
  }

  /**
   * Loads a model from one checkpoint file, of Diffusers or of another family, or from the index of its shards; upstream's
   * `from_single_file`.
   *
   * @example
   * ```ts ignore
   * import { VQModel } from "@codebook/vqmodel";
   *
   * using model = await VQModel.fromSingleFile("TencentARC/IBQ-Tokenizer-16384/imagenet256_16384.ckpt", {
   *   config: "imagenet256_16384.yaml",
   * });
   * ```
   *
   * @param source a path, a `file:` URL, an `https:` URL, or `"owner/name/path/in/repo.ckpt"` on the Hub. Of URLs that are
   * not the Hub's, only what is needed is downloaded if the server sends parts of files; nothing of it is cached
   * @throws {HubError} if there is no such file, or it cannot be downloaded
   * @throws {ConfigError} if the configuration describes no VQModel
   * @throws {WeightsError} if the weights are damaged, of no known family, or do not fit the configuration
   * @throws {DeviceError} if there is no such device
   */
  static async fromSingleFile(source: string | URL, options: LoadFileOptions = {}): Promise<VQModel> {
    checkOptions("load model", options, known.LOAD_FILE_OPTIONS);
    return new VQModel(await loadSingleFile(source, options));
  }

  /**
   * Loads a model from a list of files, such as those that a person drops on a page: what
   * {@linkcode VQModel.fromPretrained} finds in a folder, `config.json` and weights, or the checkpoint of another family.
   * They are read in parts, and again when the model is saved, for {@linkcode VQModel.codebook}, when a call is first
   * repeated in float32, and when a lost device is replaced.
   *
   * @example
   * ```ts ignore
   * import { VQModel } from "@codebook/vqmodel";
   *
   * const input = document.querySelector("input[type=file]")!;
   * input.onchange = async () => {
   *   const model = await VQModel.fromFiles(input.files);
   * };
   * ```
   *
   * @param files `File`s, whose paths are their `webkitRelativePath`s or else their names; or pairs of a path and a `Blob`,
   * such as a `Map`. Folders that all files are in are left out
   * @throws {TypeError} if they are no list of files
   * @throws {HubError} if there is no model among them; the message says what was expected, and which files there are
   * @throws {ConfigError} if the configuration describes no VQModel
   * @throws {WeightsError} if the weights are damaged, or do not fit the configuration
   * @throws {DeviceError} if there is no such device
   */
  static async fromFiles(files: Iterable<GivenFile>, options?: LoadGivenOptions): Promise<VQModel>;
  /**
   * Loads a model from files that the caller opens, in any format.
   *
   * @param open opens the files. Called to load the model, and again whenever its files are read again
   * @throws {TypeError} if `open` returns anything else; the message says what is missing
   * @throws {ConfigError} if the configuration describes no VQModel
   * @throws {WeightsError} if the weights are damaged, or do not fit the configuration
   * @throws {DeviceError} if there is no such device
   */
  static async fromFiles(open: () => Promise<ModelFiles>, options?: ComputeOptions): Promise<VQModel>;
  static async fromFiles(
    files: Iterable<GivenFile> | (() => Promise<ModelFiles>),
    options: LoadGivenOptions = {},
  ): Promise<VQModel> {
    const isOpener = typeof files === "function";
    checkOptions("load model", options, isOpener ? known.COMPUTE_OPTIONS : known.LOAD_GIVEN_OPTIONS);
    return new VQModel(isOpener ? await loadFiles(files, options) : await loadGivenFiles(files, options));
  }

  /**
   * Loads a model in a worker, so that this thread stays responsive. It has the methods of a model and the same results,
   * but tensors come back on the host: see {@linkcode WorkerModel}.
   *
   * The worker's module calls {@linkcode serveModel} before it awaits anything. A worker can hold several models, and keeps
   * running when they are disposed. If it ends, calls reject with a {@linkcode DeviceError}; so they do after an error that
   * it does not catch. Deno does not tell of `terminate()`: there, dispose the model first.
   *
   * @example
   * ```ts ignore
   * // model_worker.ts
   * import { serveModel } from "@codebook/vqmodel";
   *
   * serveModel();
   * ```
   *
   * @example
   * ```ts ignore
   * import { VQModel } from "@codebook/vqmodel";
   *
   * // Bundlers find the worker's module by this expression.
   * const worker = new Worker(new URL("./model_worker.ts", import.meta.url), { type: "module" });
   * const model = await VQModel.inWorker(worker, "amused/amused-256");
   * const tokens = await model.tokenize(sample);
   * ```
   *
   * @param worker a `Worker`, also of `node:worker_threads`, or the `MessagePort` of a shared worker
   * @param source `"owner/name"`, a directory or a `file:` URL of one, as {@linkcode VQModel.fromPretrained} takes it; an
   * `https:` URL of a checkpoint, as {@linkcode VQModel.fromSingleFile} does; or a list of files, as
   * {@linkcode VQModel.fromFiles} does
   * @param options those of the method named there, less functions and objects that cannot be sent to a worker
   * @throws whatever that method does
   * @throws {TypeError} if an option cannot be sent
   * @throws {DeviceError} if the worker does not start, or does not call {@linkcode serveModel} within a minute
   */
  static async inWorker(
    worker: ModelWorker,
    source: RemoteSource,
    options: WorkerOptions = {},
  ): Promise<WorkerModel> {
    return await connectModel(worker, source, options);
  }

  get commit(): string | undefined {
    return this.#checkpoint.commit;
  }

  get device(): Backend["device"] {
    return this.#engine.device;
  }

  get dtype(): Backend["dtype"] {
    return this.#engine.dtype;
  }

  get threads(): number {
    return this.#engine.threads;
  }

  get downsamplingFactor(): number {
    return downsamplingFactor(this.config);
  }

  get only(): ModelHalf | undefined {
    return this.#checkpoint.only;
  }

  get pixelRange(): PixelRange {
    return pixelRangeOf(this.config);
  }

  memory(): MemoryUse;
  memory(options: MemoryOptions): MemoryPlan;
  memory(options?: MemoryOptions): MemoryUse | MemoryPlan {
    checkOptions("plan memory", options, known.MEMORY_OPTIONS);
    if (options === undefined) return this.#engine.memory;
    this.#engine.checkUsable();
    return this.#engine.measure(planningPass(options, this.config), options.shape);
  }

  /**
   * The most bytes that weights and a call may take together; `undefined`, the default, for no limit but the device's.
   * A call that would take more is computed in bands of rows, which takes longer. The result is the same up to
   * rounding, unlike with `enable_tiling` of upstream's `AutoencoderKL`, which blends overlapping tiles.
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

  numParameters(): number {
    return countParameters(this.#checkpoint.parameters);
  }

  encode(sample: Tensor, options?: CallOptions & { returnDict?: true }): Promise<VQEncoderOutput>;
  encode(sample: Tensor, options: CallOptions & { returnDict: false }): Promise<[latents: Tensor]>;
  encode(sample: Tensor, options?: CallOptions): Promise<VQEncoderOutput | [Tensor]>;
  async encode(sample: Tensor, options: CallOptions = {}): Promise<VQEncoderOutput | [Tensor]> {
    checkOptions("encode", options, known.DICT_CALL_OPTIONS);
    checkSample(sample, this.config);
    const [latents] = await this.#engine.call("encode", sample, options);
    return options.returnDict === false ? [latents] : { latents };
  }

  async quantize(latents: Tensor, options: Omit<CallOptions, "returnDict"> = {}): Promise<QuantizerOutput> {
    checkOptions("quantize", options, known.CALL_OPTIONS);
    checkLatents(latents, this.config);
    const [quantized, indices, loss] = await this.#engine.call("quantize", latents, options);
    return { quantized, indices, loss };
  }

  decode(latents: Tensor | TokenIndices, options?: DecodeOptions & { returnDict?: true }): Promise<DecoderOutput>;
  decode(
    latents: Tensor | TokenIndices,
    options: DecodeOptions & { returnDict: false },
  ): Promise<[sample: Tensor, commitLoss: Tensor]>;
  decode(latents: Tensor | TokenIndices, options?: DecodeOptions): Promise<DecoderOutput | [Tensor, Tensor]>;
  async decode(
    latents: Tensor | TokenIndices,
    options: DecodeOptions = {},
  ): Promise<DecoderOutput | [Tensor, Tensor]> {
    checkOptions("decode", options, known.DECODE_OPTIONS);
    checkDecodable(this.config);
    const [pass, input] = await decodingPass(latents, options, this.config);
    const [sample, commitLoss = zeros(input.shape[0])] = await this.#engine.call(pass, input, options);
    return options.returnDict === false ? [sample, commitLoss] : { sample, commitLoss };
  }

  forward(sample: Tensor, options?: CallOptions & { returnDict?: true }): Promise<DecoderOutput>;
  forward(sample: Tensor, options: CallOptions & { returnDict: false }): Promise<[sample: Tensor, commitLoss: Tensor]>;
  forward(sample: Tensor, options?: CallOptions): Promise<DecoderOutput | [Tensor, Tensor]>;
  async forward(sample: Tensor, options: CallOptions = {}): Promise<DecoderOutput | [Tensor, Tensor]> {
    checkOptions("run forward", options, known.DICT_CALL_OPTIONS);
    checkSample(sample, this.config);
    checkDecodable(this.config);
    const [decoded, commitLoss] = await this.#engine.call("forward", sample, options);
    return options.returnDict === false ? [decoded, commitLoss] : { sample: decoded, commitLoss };
  }

  async profile(sample: Tensor, options: ProfileOptions = {}): Promise<Profile> {
    checkOptions("profile", options, known.PROFILE_OPTIONS);
    const { rounds = 5, signal } = options;
    checkRounds(rounds);
    checkSample(sample, this.config);
    checkDecodable(this.config);
    const runs = await this.#engine.profile("forward", sample, rounds, signal);
    return new Profile(this.device, medianOps(runs));
  }

  async tune(options: TuneOptions = {}): Promise<void> {
    checkOptions("tune", options, known.TUNE_OPTIONS);
    const { shape, ...measuring } = options;
    this.#engine.checkUsable();
    await this.#engine.tune(...tuningPass(this.only, this.config, shape), measuring);
  }

  async tokenize(sample: Tensor, options: TokenizeOptions = {}): Promise<Tokens> {
    checkOptions("tokenize", options, known.TOKENIZE_OPTIONS);
    checkSample(sample, this.config);
    const { margins, signal, onProgress } = options;
    const pass = margins ? "tokenizeWithMargins" : "tokenize";
    const results = await this.#engine.call(pass, sample, { signal, onProgress, toHost: true });
    signal?.throwIfAborted();
    const tokens = margins ? await tokensWithMargins(results, embedDim(this.config)) : await tokensOf(results[0]);
    await checkTokens(tokens, sample);
    return tokens;
  }

  async detokenize(tokens: TokensLike | TokenIndices, options: DetokenizeOptions = {}): Promise<Tensor> {
    checkOptions("detokenize", options, known.DETOKENIZE_OPTIONS);
    checkDecodable(this.config);
    const { codebook } = Object(tokens) as TokensLike;
    if (codebook) checkCodebook(codebook, await this.codebook()); // first, as it explains indices that are out of range
    const given = toTokens(tokens, this.config.num_vq_embeddings);
    const { signal, onProgress, editable, changed, previous } = options;
    const calling = { signal, onProgress };
    if (changed !== undefined || previous !== undefined) {
      return await decodeChanged(this.#engine, given, { changed, previous }, calling);
    }
    if (editable) return await decodeEditable(this.#engine, given, calling);
    const [sample] = await this.#engine.call("detokenize", new Tensor(given.indices, given.shape), calling);
    return sample;
  }

  async codebook(): Promise<Codebook> {
    this.#engine.checkUsable();
    this.#codebookHash ??= await hashCodebook(this.#checkpoint);
    return { hash: this.#codebookHash, codes: this.config.num_vq_embeddings, model: this.#source };
  }

  async codes(): Promise<Tensor> {
    this.#engine.checkUsable();
    const values = await readCodebook(this.#checkpoint);
    const { num_vq_embeddings: count } = this.config;
    return new Tensor(values, [count, values.length / count]);
  }

  /**
   * Saves `config.json` and `diffusion_pytorch_model.safetensors`, or shards of it, float32, as Diffusers does and
   * loads. The weights are read again from the model's files. A model that is already in the directory is replaced as a
   * whole: see `saveLocalModel`. Upstream's `save_pretrained`.
   *
   * A model of another family is saved as a `VQModel` that computes the same tokens and pictures: without
   * `config.family`; with codes of length 1, where codes are compared by angle; and with one more channel in the codebook,
   * where they are compared by inner product. That channel changes the loss, and the hash of {@linkcode VQModel.codebook}.
   *
   * A half of a model is not saved: no other program could load it.
   *
   * @param directory created if it does not exist
   * @throws {TypeError} if only half of the model is loaded
   * @throws {ConfigError} if no `VQModel` of Diffusers computes the same
   * @throws {HubError} if the model's files are no longer there, or the directory cannot be written
   * @throws {WeightsError} if the weights cannot be read or written
   */
  async savePretrained(directory: string | URL, options: SaveOptions = {}): Promise<void> {
    checkOptions("save model", options, SAVE_OPTIONS);
    this.#engine.checkUsable();
    const { saveModel } = await import("./save.ts");
    await saveModel(directory, this.#checkpoint, options);
  }

  /**
   * Saves the model into a temporary directory, and uploads it to the Hub in one commit. Upstream's `push_to_hub`.
   * Options of {@linkcode VQModel.fromPretrained} are allowed too: those for access to the Hub apply, the others are
   * ignored.
   *
   * @param repo `"owner/name"`, created if it does not exist
   * @throws {ConfigError} or {TypeError} as {@linkcode VQModel.savePretrained} does
   * @throws {HubError} if there is no token, it lacks the permission, or the upload fails
   */
  async pushToHub(repo: string, options: PushOptions & SaveOptions = {}): Promise<PushResult> {
    checkOptions("push model", options, known.PUSH_MODEL_OPTIONS);
    this.#engine.checkUsable();
    const { pushModel } = await import("./save.ts");
    return await pushModel(repo, this.#checkpoint, options);
  }

  dispose(): void {
    this.#engine.dispose();
  }

  /** {@linkcode VQModel.dispose}, for `using`. */
  [DISPOSE](): void {
    this.dispose();
  }
}

function zeros(n: number): Tensor {
  return new Tensor(new Float32Array(n), [n]);
}

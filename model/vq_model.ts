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
  checkInputShape,
  checkLatents,
  checkMemoryLimit,
  checkRounds,
  checkSample,
  checkTokens,
  decodingPass,
  tuningPass,
} from "./arguments.ts";
import { type Checkpoint, countParameters, hashCodebook, readCodebook } from "./engine/checkpoint.ts";
import type { Engine } from "./engine/engine.ts";
import { type Loaded, loadFiles, loadGivenFiles, loadPretrained, loadSingleFile } from "./engine/load.ts";
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
import { connectModel, type ModelWorker } from "./worker/connect_model.ts";
import type { RemoteSource, WorkerOptions } from "./worker/protocol.ts";

/**
 * A VQ autoencoder: picture → latents → nearest codes → picture.
 *
 * Every method refuses options that it does not know with a `TypeError` that names the nearest known one.
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
export class VQModel {
  /** The parameters of `config.json`, defaults filled in. */
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
   * The worker's module calls {@linkcode serveModel}. A worker can hold several models, and keeps running when they are
   * disposed. If it ends, calls reject with a {@linkcode DeviceError}; so they do after an error that it does not catch. Deno
   * does not tell of `terminate()`: there, dispose the model first.
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
   * @throws {DeviceError} if the worker does not start
   */
  static async inWorker(
    worker: ModelWorker,
    source: RemoteSource,
    options: WorkerOptions = {},
  ): Promise<WorkerModel> {
    return await connectModel(worker, source, options) as unknown as WorkerModel;
  }

  /** The commit of the Hub's repository that the model was loaded from; `undefined` for a model from elsewhere. */
  get commit(): string | undefined {
    return this.#checkpoint.commit;
  }

  /** Which engine computes: `"webgpu"` or `"wasm"`. */
  get device(): Backend["device"] {
    return this.#engine.device;
  }

  /** The element type of weights and intermediate values on the device; inputs and results are float32. */
  get dtype(): Backend["dtype"] {
    return this.#engine.dtype;
  }

  /**
   * How many threads compute on the CPU engine: fewer than asked for, namely 1, where workers or shared memory are missing.
   * Always 1 on WebGPU.
   */
  get threads(): number {
    return this.#engine.threads;
  }

  /** Pixels per token along each side of a picture: 2 to the power of the number of levels minus 1. */
  get downsamplingFactor(): number {
    return downsamplingFactor(this.config);
  }

  /** The half that is loaded, see {@linkcode ComputeOptions.only}; `undefined` for both. */
  get only(): ModelHalf | undefined {
    return this.#checkpoint.only;
  }

  /**
   * The range of pixels that the model takes and gives: `"signed"` is -1 to 1, `"unit"` is 0 to 1. Families of other
   * checkpoints have their own. Diffusers' `config.json` does not state it: `"unit"` with `lookup_from_codebook`, as in
   * aMUSEd's models, otherwise `"signed"`. For a model that was trained on another range, pass `doNormalize` to
   * {@linkcode ImageProcessor.for}.
   */
  get pixelRange(): PixelRange {
    return pixelRangeOf(this.config);
  }

  /**
   * Bytes that the model holds on its device now, and how many of them are in use. Includes the float32 weights that a
   * model in float16 repeats calls with. Memory beyond that is kept for the next calls: see
   * {@linkcode MemoryUse}.
   */
  memory(): MemoryUse;
  /**
   * Bytes that a call would need on the device. Nothing is computed or allocated. With a tight memory limit, the call
   * itself may need less, or fit where this method finds no plan: it spends more time on planning.
   *
   * @throws {RangeError} if the method does not take such a shape
   * @throws {TypeError} if only half of what the method needs is loaded
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
    checkOptions("plan memory", options, known.MEMORY_OPTIONS);
    if (options === undefined) return this.#engine.memory;
    const { shape, method = "forward" } = options;
    this.#engine.checkUsable();
    checkInputShape(method, shape, this.config);
    return this.#engine.measure(method, shape);
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

  /** Number of parameters; with {@linkcode ComputeOptions.only}, of the half that is loaded. */
  numParameters(): number {
    return countParameters(this.#checkpoint.parameters);
  }

  /**
   * Upstream's `VQModel.encode`: continuous latents, before quantization.
   *
   * @param sample float32 `[n, in_channels, H, W]`, each side at least {@linkcode VQModel.downsamplingFactor}. Each
   * level but the last halves the sides, rounding down
   */
  encode(sample: Tensor, options?: CallOptions & { returnDict?: true }): Promise<VQEncoderOutput>;
  /** With `returnDict: false`, `[latents]`. */
  encode(sample: Tensor, options: CallOptions & { returnDict: false }): Promise<[latents: Tensor]>;
  /** Depending on `options.returnDict`. */
  encode(sample: Tensor, options?: CallOptions): Promise<VQEncoderOutput | [Tensor]>;
  async encode(sample: Tensor, options: CallOptions = {}): Promise<VQEncoderOutput | [Tensor]> {
    checkOptions("encode", options, known.DICT_CALL_OPTIONS);
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
    checkOptions("quantize", options, known.CALL_OPTIONS);
    checkLatents(latents, this.config);
    const [quantized, indices, loss] = await this.#engine.call("quantize", latents, options);
    return { quantized, indices, loss };
  }

  /**
   * Upstream's `VQModel.decode`: quantizes the latents, unless `forceNotQuantize` is set, and decodes them.
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

  /**
   * Upstream's `VQModel.forward`: encodes, quantizes and decodes.
   *
   * @param sample as for {@linkcode VQModel.encode}
   */
  forward(sample: Tensor, options?: CallOptions & { returnDict?: true }): Promise<DecoderOutput>;
  /** With `returnDict: false`, `[sample, commitLoss]`. */
  forward(sample: Tensor, options: CallOptions & { returnDict: false }): Promise<[sample: Tensor, commitLoss: Tensor]>;
  /** Depending on `options.returnDict`. */
  forward(sample: Tensor, options?: CallOptions): Promise<DecoderOutput | [Tensor, Tensor]>;
  async forward(sample: Tensor, options: CallOptions = {}): Promise<DecoderOutput | [Tensor, Tensor]> {
    checkOptions("run forward", options, known.DICT_CALL_OPTIONS);
    checkSample(sample, this.config);
    checkDecodable(this.config);
    const [decoded, commitLoss] = await this.#engine.call("forward", sample, options);
    return options.returnDict === false ? [decoded, commitLoss] : { sample: decoded, commitLoss };
  }

  /**
   * Measures each op of {@linkcode VQModel.forward}: device time on WebGPU, wall time on the CPU engine.
   *
   * @param sample as for {@linkcode VQModel.encode}
   * @throws {DeviceError} if a WebGPU device has no `timestamp-query`
   */
  async profile(sample: Tensor, options: ProfileOptions = {}): Promise<Profile> {
    checkOptions("profile", options, known.PROFILE_OPTIONS);
    const { rounds = 5, signal } = options;
    checkRounds(rounds);
    checkSample(sample, this.config);
    checkDecodable(this.config);
    const runs = await this.#engine.profile("forward", sample, rounds, signal);
    return new Profile(this.device, medianOps(runs));
  }

  /**
   * Finds the fastest algorithms and kernel shapes for this model on its WebGPU device, and uses them from then on.
   * Takes seconds on a GPU, minutes on a software adapter; other work on the device disturbs the measurement. Results
   * stay the same up to rounding. The findings are kept in `tuningStore`, and used by models with layers of the same
   * sizes that are loaded on such a device later. Does nothing on the CPU engine.
   *
   * @throws {DeviceError} if the device has no `timestamp-query`, or not enough memory for a second copy of the weights
   * @throws {RangeError} if the model does not take pictures of this shape, or `sample_size` gives no shape
   */
  async tune(options: TuneOptions = {}): Promise<void> {
    checkOptions("tune", options, known.TUNE_OPTIONS);
    const { shape, ...measuring } = options;
    this.#engine.checkUsable();
    await this.#engine.tune(...tuningPass(this.only, this.config, shape), measuring);
  }

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

  /**
   * Identifies this model's codebook. `{ ...tokens, codebook: await model.codebook() }` are tokens that only a model
   * with the same codebook decodes, also when they are saved to a file. The first call reads the codebook again from
   * the model's files.
   *
   * @throws {HubError} if the model's files are no longer there
   * @throws {WeightsError} if the codebook cannot be read
   */
  async codebook(): Promise<Codebook> {
    this.#engine.checkUsable();
    this.#codebookHash ??= await hashCodebook(this.#checkpoint);
    return { hash: this.#codebookHash, codes: this.config.num_vq_embeddings, model: this.#source };
  }

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

  /** Frees all device memory, including that of results that were not disposed. Disposing twice is harmless. */
  dispose(): void {
    this.#engine.dispose();
  }

  /** {@linkcode VQModel.dispose}, for `using`. */
  [DISPOSE](): void {
    this.dispose();
  }
}

/**
 * A model in a worker: {@linkcode VQModel.inWorker}. Its methods take and return what those of {@linkcode VQModel} do.
 *
 * Tensors are copied to the worker, and those of results are on the host: only pictures that can be edited are worth
 * disposing, as what `detokenize` keeps for them is on the device. There is no `memoryLimit` to set,
 * only the option; `savePretrained` and `pushToHub` are left out.
 */
export interface WorkerModel extends
  Disposable,
  Pick<
    VQModel,
    | (
      | "encode"
      | "quantize"
      | "decode"
      | "forward"
      | "tokenize"
      | "detokenize"
      | "profile"
      | "tune"
      | "codebook"
      | "codes"
    )
    | ("config" | "commit" | "only" | "device" | "dtype" | "threads" | "downsamplingFactor" | "pixelRange")
    | "numParameters"
  > {
  /** As {@linkcode VQModel.memory}. */
  memory(): Promise<MemoryUse>;
  /** As {@linkcode VQModel.memory} with a shape. */
  memory(options: MemoryOptions): Promise<MemoryPlan>;
  /** Frees all device memory. Calls in progress reject. The worker keeps running. Disposing twice is harmless. */
  dispose(): void;
}

function zeros(n: number): Tensor {
  return new Tensor(new Float32Array(n), [n]);
}

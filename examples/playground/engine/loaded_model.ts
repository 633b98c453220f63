/**
 * A model that is loaded, and what the page asks of it.
 *
 * @module
 */

import {
  decodeTokens,
  encodeTokens,
  ImageProcessor,
  type ProfiledOp,
  type Tensor,
  type TokenFormat,
  type WorkerModel,
} from "../../../mod.ts";
import { coloursOf, nearestCodes, sheetOfCodes, swatchesOf } from "./codebook.ts";
import { decodeEdited, type EditedPicture } from "./edited_picture.ts";
import { openPicture } from "./pictures.ts";
import type { DecodedPicture, DecodeRequest, Neighbour, Pixels, TokenGrid, TokenizedPicture } from "./types.ts";

/** A model in a worker of its own. */
export class LoadedModel {
  readonly #model: WorkerModel;
  readonly #worker: Worker;
  readonly #processor: ImageProcessor;
  /** The codes, once they are needed. */
  #codes: Promise<Tensor> | undefined;
  /** The picture that was decoded last. */
  #edited: EditedPicture | undefined;

  /** Number of codes. */
  readonly codes: number;
  /** Number of parameters. */
  readonly parameters: number;
  /** Pixels per token along each side. */
  readonly factor: number;
  /** Red, green, blue and alpha of each code in maps of tokens. */
  readonly colours: Uint8ClampedArray<ArrayBuffer>;
  /** Milliseconds to load it. */
  readonly milliseconds: number;
  /** Why a slower engine computes than was asked for. */
  readonly fallback?: string;

  constructor(
    model: WorkerModel,
    worker: Worker,
    { milliseconds, fallback }: { milliseconds: number; fallback?: string },
  ) {
    this.#model = model;
    this.#worker = worker;
    this.#processor = ImageProcessor.for(model);
    this.codes = model.config.num_vq_embeddings;
    this.parameters = model.numParameters();
    this.factor = model.downsamplingFactor;
    this.colours = coloursOf(this.codes);
    this.milliseconds = milliseconds;
    this.fallback = fallback;
  }

  /** Which engine computes. */
  get device(): "wasm" | "webgpu" {
    return this.#model.device;
  }

  /** Threads of the CPU engine. */
  get threads(): number {
    return this.#model.threads;
  }

  /** Tokenizes a picture file, shrunk until its longer side has `side` pixels. */
  async tokenize(file: Blob, side: number, signal?: AbortSignal): Promise<TokenizedPicture> {
    const start = performance.now();
    const sample = await openPicture(file, { side, processor: this.#processor, factor: this.factor, signal });
    const opened = performance.now();
    const { indices, shape: [, rows, columns], margins } = await this.#model.tokenize(sample, {
      margins: true,
      signal,
    });
    const tokenized = performance.now();
    const [picture] = await this.#processor.postprocess(sample);
    const milliseconds = { picture: opened - start, tokens: tokenized - opened };
    return { sample, picture, rows, columns, indices: indices.slice(), margins: margins?.slice(), milliseconds };
  }

  /** Decodes tokens. Calls must not overlap, since each may need the picture of the one before. */
  async decode({ exact, ...grid }: DecodeRequest, signal: AbortSignal): Promise<DecodedPicture> {
    const start = performance.now();
    const before = this.#edited;
    const edited = await decodeEdited(this.#model, grid, exact ? undefined : before, signal);
    this.#edited = edited;
    if (edited !== before) before?.decoded.dispose();
    const [picture] = await this.#processor.postprocess(edited.decoded);
    return { picture, exact: edited.exact, milliseconds: performance.now() - start };
  }

  /** The codes nearest to one, itself first. */
  async neighbours(code: number, count: number): Promise<Neighbour[]> {
    this.#codes ??= this.#model.codes();
    const codes = await this.#codes;
    return nearestCodes(await codes.data() as Float32Array, codes.shape[1], code, count);
  }

  /** What codes look like where they fill an area: a small picture each. */
  async swatches(codes: readonly number[], signal: AbortSignal): Promise<Pixels[]> {
    const sheet = await this.#model.detokenize(sheetOfCodes(codes, this.codes), { signal });
    const [picture] = await this.#processor.postprocess(sheet);
    return swatchesOf(picture, codes.length);
  }

  /** Measures each op on a picture; the slowest come first. */
  async profile(sample: Tensor, signal?: AbortSignal): Promise<ProfiledOp[]> {
    const { ops } = await this.#model.profile(sample, { rounds: 3, signal });
    return ops.toSorted((a, b) => b.milliseconds - a.milliseconds);
  }

  /** Bytes that the model holds. */
  async heldMemory(): Promise<number> {
    return (await this.#model.memory()).held;
  }

  /** A token file. */
  async encodeTokens({ rows, columns, indices }: TokenGrid, format: TokenFormat): Promise<Uint8Array<ArrayBuffer>> {
    return encodeTokens({ indices, shape: [1, rows, columns], codebook: await this.#model.codebook() }, format);
  }

  /** Reads a token file. */
  async decodeTokens(file: File): Promise<TokenGrid> {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const { indices, shape: [count, rows, columns], codebook } = await decodeTokens(bytes, { name: file.name });
    if (count !== 1) {
      throw new TypeError(`Cannot open ${file.name}: expected the tokens of one picture, found ${count}`);
    }
    if (codebook && codebook.hash !== (await this.#model.codebook()).hash) {
      throw new TypeError(`Cannot open ${file.name}: its tokens belong to ${codebook.model ?? "another model"}`);
    }
    return { rows, columns, indices: indices.slice() };
  }

  /** Frees its memory, and ends its worker. */
  dispose(): void {
    this.#model.dispose();
    this.#worker.terminate();
  }
}

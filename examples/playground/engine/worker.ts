/**
 * The worker of the page: loads models and computes, so that the page stays responsive.
 *
 * @module
 */

import {
  decodeTokens,
  encodeTokens,
  ImageProcessor,
  Picture,
  type Progress,
  psnr,
  type Tensor,
  type TokenFormat,
  type Tokens,
  type VQModel,
} from "../../../mod.ts";
import { coloursOf, nearestCodes, sheetOfCodes, swatchesOf } from "./codebook.ts";
import { decodeEdited, type EditedPicture } from "./edited_picture.ts";
import { loadModel } from "./loading.ts";
import type {
  DecodedPicture,
  DecodeRequest,
  DeviceChoice,
  LoadProgress,
  Memory,
  ModelInfo,
  ModelSource,
  Neighbour,
  Pixels,
  ProfileLine,
  TokenGrid,
  TokenizedPicture,
} from "./protocol.ts";
import { type CallContext, type Port, serve } from "./rpc.ts";
import { openPicture } from "./pictures.ts";

/** A model with what it computed last. */
interface Loaded {
  readonly model: VQModel;
  readonly processor: ImageProcessor;
  /** The codes, once they are needed. */
  codes?: Promise<Tensor>;
  /** The picture that was tokenized last. */
  sample?: { readonly tensor: Tensor; readonly picture: Picture };
  /** The picture that was decoded last. */
  edited?: EditedPicture;
  /** Ends with the last call that decodes. */
  lastDecoding: Promise<unknown>;
}

let loaded: Loaded | undefined;

/** What the page may call. */
const methods = {
  /** Loads a model in place of the one before it. */
  async load(
    { source, device }: { source: ModelSource; device: DeviceChoice },
    { signal, progress }: CallContext,
  ): Promise<ModelInfo> {
    const start = performance.now();
    let fallback: string | undefined;
    const model = await loadModel(source, {
      device,
      signal,
      onProgress(event) {
        if (event.status === "fallback") fallback = event.reason;
        else progress(describeProgress(event));
      },
    });
    unload();
    loaded = { model, processor: ImageProcessor.for(model), lastDecoding: Promise.resolve() };
    const codes = model.config.num_vq_embeddings;
    return {
      device: model.device,
      threads: model.device === "wasm" ? model.threads : undefined,
      parameters: model.numParameters(),
      codes,
      factor: model.downsamplingFactor,
      colours: coloursOf(codes),
      milliseconds: performance.now() - start,
      fallback,
    };
  },

  /** Tokenizes a picture file, shrunk until its longer side has `side` pixels. */
  async tokenize({ file, side }: { file: Blob; side: number }, { signal }: CallContext): Promise<TokenizedPicture> {
    const { model, processor } = current();
    const start = performance.now();
    const tensor = await openPicture(file, { side, processor, factor: model.downsamplingFactor, signal });
    const opened = performance.now();
    const { indices, shape: [, rows, columns], margins } = await model.tokenize(tensor, { margins: true, signal });
    const tokenized = performance.now();
    const [picture] = await processor.postprocess(tensor);
    current().sample = { tensor, picture };
    return {
      picture: pixelsOf(picture),
      rows,
      columns,
      indices: indices.slice(),
      margins: margins?.slice(),
      milliseconds: { picture: opened - start, tokens: tokenized - opened },
    };
  },

  /** Forgets the picture: the tokens to come are not of one. */
  forget(): void {
    current().sample = undefined;
  },

  /** Decodes tokens, one call after the other, since each may need the picture of the one before. */
  decode(request: DecodeRequest, { signal }: CallContext): Promise<DecodedPicture> {
    const state = current();
    const decoding = state.lastDecoding.then(() => decode(state, request, signal));
    state.lastDecoding = decoding.catch(() => {});
    return decoding;
  },

  /** The codes nearest to one, itself first. */
  async neighbours({ code, count }: { code: number; count: number }): Promise<Neighbour[]> {
    const state = current();
    state.codes ??= state.model.codes();
    const codes = await state.codes;
    return nearestCodes(await codes.data() as Float32Array, codes.shape[1], code, count);
  },

  /** What codes look like where they fill an area: a small picture each. */
  async swatches({ codes }: { codes: readonly number[] }, { signal }: CallContext): Promise<Pixels[]> {
    const sheet = sheetOfCodes(codes, current().model.config.num_vq_embeddings);
    return swatchesOf(await pictureOf(sheet, signal), codes.length);
  },

  /** Measures each op on the picture that was tokenized last; the slowest come first. */
  async profile(_: undefined, { signal }: CallContext): Promise<ProfileLine[]> {
    const { model, sample } = current();
    if (!sample) throw new TypeError("Cannot measure: open a picture first");
    const { ops } = await model.profile(sample.tensor, { rounds: 3, signal });
    return ops.map(({ op, name, milliseconds, flops }) => ({ op, name, milliseconds, flops }))
      .sort((a, b) => b.milliseconds - a.milliseconds);
  },

  /** Bytes that the model holds. */
  memory(): Memory {
    const { held, used } = current().model.memory();
    return { held, used };
  },

  /** A token file. */
  async encodeTokens(
    { rows, columns, indices, format }: TokenGrid & { format: TokenFormat },
  ): Promise<Uint8Array<ArrayBuffer>> {
    const codebook = await current().model.codebook();
    return encodeTokens({ indices, shape: [1, rows, columns], codebook }, format);
  },

  /** Reads a token file. */
  async decodeTokens({ file }: { file: File }): Promise<TokenGrid> {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const { indices, shape: [count, rows, columns], codebook } = await decodeTokens(bytes, { name: file.name });
    if (count !== 1) {
      throw new TypeError(`Cannot open ${file.name}: expected the tokens of one picture, found ${count}`);
    }
    if (codebook && codebook.hash !== (await current().model.codebook()).hash) {
      throw new TypeError(`Cannot open ${file.name}: its tokens belong to ${codebook.model ?? "another model"}`);
    }
    return { rows, columns, indices: indices.slice() };
  },

  /** A PNG file. */
  encodePicture({ width, height, data }: Pixels): Uint8Array<ArrayBuffer> {
    return new Picture(width, height, data).encode("png");
  },
};

/** The methods of the worker, for the types of the page. */
export type EngineMethods = typeof methods;

function current(): Loaded {
  if (!loaded) throw new TypeError("Cannot compute: no model is loaded");
  return loaded;
}

async function decode(state: Loaded, request: DecodeRequest, signal: AbortSignal): Promise<DecodedPicture> {
  const { model, processor, sample, edited: before } = state;
  const start = performance.now();
  const edited = await decodeEdited(model, request, request.exact ? undefined : before, signal);
  state.edited = edited;
  if (edited !== before) before?.decoded.dispose();
  const [picture] = await processor.postprocess(edited.decoded);
  return {
    picture: pixelsOf(picture),
    exact: edited.exact,
    milliseconds: performance.now() - start,
    psnr: sample && psnrOf(sample.picture, picture),
  };
}

/** Decodes tokens. */
async function pictureOf(tokens: Tokens, signal: AbortSignal): Promise<Picture> {
  const { model, processor } = current();
  const decoded = await model.detokenize(tokens, { signal });
  try {
    return (await processor.postprocess(decoded))[0];
  } finally {
    decoded.dispose();
  }
}

function unload(): void {
  loaded?.model.dispose();
  loaded = undefined;
}

/** The PSNR, where the sides are the same: those of a decoded picture are multiples of the model's factor. */
function psnrOf(original: Picture, decoded: Picture): number | undefined {
  return original.width === decoded.width && original.height === decoded.height ? psnr(original, decoded) : undefined;
}

/** A copy of a picture's pixels, which is transferred to the page. */
function pixelsOf({ width, height, data }: Picture): Pixels {
  return { width, height, data: data.slice() };
}

/** Progress in words. */
function describeProgress({ status, file, loaded, total }: Progress): LoadProgress {
  const share = total > 0 ? loaded / total : undefined;
  if (status === "progress") {
    return { text: `${file}: ${(loaded / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`, share };
  }
  return status === "load" ? { text: `Layer ${loaded} of ${total}`, share } : { text: file };
}

serve(globalThis as unknown as Port, methods);

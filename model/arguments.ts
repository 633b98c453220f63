/**
 * Checks of the arguments of the model's methods.
 *
 * @module
 */

import type { ModelHalf } from "../hub/mod.ts";
import { show } from "../hub/show.ts";
import { type Shape, Tensor } from "../kernels/mod.ts";
import { downsamplingFactor, embedDim, spatialNormChannels, type VQConfig } from "./architecture/config.ts";
import { ConfigError } from "./architecture/errors.ts";
import type { DecodeOptions, MemoryOptions } from "./options.ts";
import { NO_CODE, type Pass } from "./architecture/passes.ts";
import { isArrays, type TokenIndices, type Tokens, toTokens } from "./tokens/mod.ts";

/** Checks that a tensor is a sample for `encode`: float32 `[n, in_channels, H, W]`, large enough for one token. */
export function checkSample(sample: Tensor, config: VQConfig): void {
  checkFloats("sample", sample);
  checkSampleShape(sample.shape, config);
}

/** Checks that a value holds latents for `quantize` or `decode`: float32 `[n, vq_embed_dim, h, w]`. */
export function checkLatents(latents: unknown, config: VQConfig): Tensor {
  checkFloats("latents", latents);
  checkLatentsShape(latents.shape, config);
  return latents;
}

/** The pass whose memory is to be planned. Checks the shape of its input. */
export function planningPass(
  { shape, method = "forward", editable = false }: MemoryOptions,
  config: VQConfig,
): Pass {
  checkInputShape(method, shape, config);
  if (!editable) return method;
  if (method === "detokenize") return "detokenizeEditable";
  throw new TypeError(`Cannot plan ${method}: editable is an option of detokenize`);
}

/** Checks the shape of a method's input. */
function checkInputShape(method: NonNullable<MemoryOptions["method"]>, shape: Shape, config: VQConfig): void {
  switch (method) {
    case "encode":
    case "tokenize":
      return checkSampleShape(shape, config);
    case "forward":
      checkDecodable(config);
      return checkSampleShape(shape, config);
    case "quantize":
      return checkLatentsShape(shape, config);
    case "decode":
      checkDecodable(config);
      return checkLatentsShape(shape, config);
    case "detokenize":
      checkDecodable(config);
      return checkSides("tokens", shape, ["n", "height", "width"]);
    default:
      throw new RangeError(
        `Cannot plan ${method}: expected encode, tokenize, quantize, decode, detokenize or forward`,
      );
  }
}

function checkSampleShape(shape: Shape, config: VQConfig): void {
  checkPicture("sample", shape, config.in_channels, "in_channels");
  const [, , h, w] = shape;
  const least = downsamplingFactor(config);
  if (h < least || w < least) {
    throw new RangeError(
      `Cannot encode a picture of ${w}×${h} pixels: this model makes one token of ${least}×${least}, so no side may be shorter`,
    );
  }
}

function checkLatentsShape(shape: Shape, config: VQConfig): void {
  checkPicture("latents", shape, embedDim(config), "vq_embed_dim");
}

/** What `decode` computes with these options, and its input. */
export async function decodingPass(
  latents: Tensor | TokenIndices,
  { forceNotQuantize = false, shape }: DecodeOptions,
  config: VQConfig,
): Promise<[pass: Pass, input: Tensor]> {
  if (!forceNotQuantize) return ["decode", checkLatents(latents, config)];
  if (!config.lookup_from_codebook) return ["decodeContinuous", checkLatents(latents, config)];
  return ["detokenize", await toIndices(latents, shape, config)];
}

/**
 * The indices that `decode` is called with, as an int32 tensor `[n, h, w]`. Checks that each is in the codebook:
 * shaders would clamp it silently.
 *
 * @param shape of the latents that they stand for, `[n, h, w, vq_embed_dim]`
 */
async function toIndices(
  indices: Tensor | TokenIndices,
  shape: readonly number[] | undefined,
  config: VQConfig,
): Promise<Tensor> {
  if (!isArrays(indices)) {
    checkTensor("indices", indices);
    if (indices.dtype !== "int32") {
      throw new TypeError(
        `Cannot decode: this model has lookup_from_codebook, so forceNotQuantize takes int32 indices, found ${indices.dtype}`,
      );
    }
  }
  const channels = embedDim(config);
  if (!Array.isArray(shape) || shape.length !== 4 || shape[3] !== channels) {
    const found = shape ? show(shape) : "none";
    throw new RangeError(
      `Cannot decode indices: shape must be [n, h, w, ${channels}], channels last, found ${found}`,
    );
  }
  const given = isArrays(indices) ? indices : await indices.data() as Int32Array;
  const tokens = toTokens({ indices: given, shape: shape.slice(0, 3) }, config.num_vq_embeddings);
  return new Tensor(tokens.indices, tokens.shape);
}

/**
 * Checks that the model can decode: Diffusers builds spatial norms for `latent_channels` but feeds them code vectors.
 */
export function checkDecodable(config: VQConfig): void {
  const { norm_type, latent_channels } = config;
  if (norm_type === "spatial" && embedDim(config) !== spatialNormChannels(config)) {
    throw new ConfigError(
      `Cannot decode with this configuration: norm_type "spatial" needs vq_embed_dim (${
        embedDim(config)
      }) to equal latent_channels (${latent_channels})`,
    );
  }
}

/** Checks that every latent vector of a sample has a nearest code. */
export async function checkTokens({ indices, shape }: Tokens, sample: Tensor): Promise<void> {
  const missing = indices.indexOf(NO_CODE);
  if (missing < 0) return;
  const values = await sample.data();
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) {
    throw new RangeError(
      `Cannot tokenize: sample is ${values[at]} at [n, c, y, x] = ${
        placeOf(at, sample.shape)
      }; expected finite numbers`,
    );
  }
  throw new RangeError(
    `Cannot tokenize: sample is finite, but its latents at [n, y, x] = ${
      placeOf(missing, shape)
    } are too large or NaN. ` +
      "Check that the weights are finite, and that the sample is in the range that the model was trained on",
  );
}

/** The position of an element in a tensor, for messages. */
function placeOf(index: number, shape: Shape): string {
  const position = shape.map((side, i) => {
    const stride = shape.slice(i + 1).reduce((product, inner) => product * inner, 1);
    return Math.floor(index / stride) % side;
  });
  return `[${position.join(", ")}]`;
}

/** Checks that a value is a Tensor that was not disposed. */
export function checkTensor(name: string, tensor: unknown): asserts tensor is Tensor {
  if (!(tensor instanceof Tensor)) {
    throw new TypeError(`Cannot use ${name}: expected a Tensor, found ${Object.prototype.toString.call(tensor)}`);
  }
  if (tensor.disposed) throw new TypeError(`Cannot use ${name}: the tensor was disposed`);
}

/** Checks that a value is a float32 Tensor that was not disposed. */
function checkFloats(name: string, tensor: unknown): asserts tensor is Tensor {
  checkTensor(name, tensor);
  const { dtype } = tensor;
  if (dtype !== "float32") throw new TypeError(`Cannot use ${name}: expected float32 elements, found ${dtype}`);
}

/** Checks that a shape is `[n, channels, h, w]`; `key` is the key of the configuration that says how many channels. */
function checkPicture(name: string, shape: Shape, channels: number, key: string): void {
  checkSides(name, shape, ["n", `${channels}`, "height", "width"]);
  if (shape[1] !== channels) {
    throw new RangeError(
      `Cannot use ${name}: expected ${channels} channels (${key}), found ${shape[1]} in ${show(shape)}`,
    );
  }
}

/** Checks that a shape has these dimensions, none of which is 0. */
function checkSides(name: string, shape: Shape, expected: readonly string[]): void {
  if (!Array.isArray(shape) || shape.length !== expected.length) {
    const found = shape ? show(shape) : "none";
    throw new RangeError(`Cannot use ${name}: expected shape [${expected.join(", ")}], found ${found}`);
  }
  if (!shape.every((side) => Number.isSafeInteger(side) && side >= 0)) {
    throw new RangeError(`Cannot use ${name}: sides must be whole numbers, its shape is ${show(shape)}`);
  }
  if (shape.includes(0)) {
    throw new RangeError(`Cannot use ${name}: it is empty, its shape is ${show(shape)}`);
  }
}

/** Checks a memory limit. */
export function checkMemoryLimit(bytes: unknown): void {
  if (bytes === undefined || typeof bytes === "number" && bytes > 0) return;
  throw new RangeError(
    `Cannot limit memory: memoryLimit must be a number of bytes > 0, or undefined for none, found ${show(bytes)}`,
  );
}

/** Checks how often to measure. */
export function checkRounds(rounds: number): void {
  if (Number.isSafeInteger(rounds) && rounds >= 1) return;
  throw new RangeError(`Cannot profile: rounds must be a whole number ≥ 1, found ${rounds}`);
}

/** What to tune for pictures of a shape: all that is loaded, and the shape of its input. */
export function tuningPass(
  only: ModelHalf | undefined,
  config: VQConfig,
  shape: Shape = usualShape(config),
): [pass: Pass, input: Shape] {
  checkInputShape(only === "encoder" ? "encode" : "forward", shape, config);
  if (only !== "decoder") return [only ? "tokenize" : "forward", shape];
  const [n, , height, width] = shape;
  const [h, w] = [height, width].map((side) => Math.floor(side / downsamplingFactor(config)));
  return ["decode", [n, embedDim(config), h, w]];
}

/** The shape of one picture of the size that the model was trained on. */
function usualShape({ in_channels, sample_size }: VQConfig): Shape {
  if (sample_size === null) {
    throw new RangeError(
      "Cannot tune: config.sample_size is null. Pass the shape of a picture: shape: [1, 3, 256, 256]",
    );
  }
  const [height, width = height] = [sample_size].flat();
  return [1, in_channels, height, width];
}

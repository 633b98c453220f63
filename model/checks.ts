/**
 * Whether tensors can be what a method takes.
 *
 * @module
 */

import { Tensor } from "../kernels/mod.ts";
import { downsamplingFactor, embedDim, type VQConfig } from "./config.ts";
import { ConfigError } from "./errors.ts";

/** Checks that `encode` can take a tensor: `[n, in_channels, H, W]` of a token at least. */
export function checkSample(sample: Tensor, config: VQConfig): void {
  checkPicture("sample", sample, config.in_channels, "in_channels");
  const [, , h, w] = sample.shape;
  const least = downsamplingFactor(config);
  if (h < least || w < least) {
    throw new RangeError(
      `Cannot encode a picture of ${w}×${h} pixels: this model makes one token of ${least}×${least}, so no side may be shorter`,
    );
  }
}

/** Checks that `quantize` and `decode` can take a tensor: `[n, vq_embed_dim, h, w]`. */
export function checkLatents(latents: Tensor, config: VQConfig): void {
  checkPicture("latents", latents, embedDim(config), "vq_embed_dim");
}

/** Checks that `decode` can take a tensor as indices, and the shape of the latents that they stand for. */
export function checkIndices(
  indices: Tensor,
  shape: readonly number[] | undefined,
  config: VQConfig,
): asserts shape is readonly [n: number, h: number, w: number, c: number] {
  checkTensor("indices", indices);
  if (indices.dtype !== "int32") {
    throw new TypeError(
      `Cannot decode: this model has lookup_from_codebook, so forceNotQuantize takes int32 indices, found ${indices.dtype}`,
    );
  }
  if (shape?.length !== 4 || shape[3] !== embedDim(config)) {
    throw new RangeError(
      `Cannot decode indices: shape must be [n, h, w, ${embedDim(config)}], channels last, found ${
        shape ? `[${shape}]` : "none"
      }`,
    );
  }
}

/** Checks that the model can decode at all: upstream builds spatial norms for `latent_channels` but feeds them code vectors. */
export function checkDecodable(config: VQConfig): void {
  const { norm_type, latent_channels } = config;
  if (norm_type === "spatial" && embedDim(config) !== latent_channels) {
    throw new ConfigError(
      `Cannot decode with this configuration: norm_type "spatial" needs vq_embed_dim (${
        embedDim(config)
      }) to equal latent_channels (${latent_channels})`,
    );
  }
}

/** Checks that a tensor is one, and alive. */
function checkTensor(name: string, tensor: Tensor): void {
  if (!(tensor instanceof Tensor)) {
    throw new TypeError(`Cannot use ${name}: expected a Tensor, found ${Object.prototype.toString.call(tensor)}`);
  }
  if (tensor.disposed) throw new TypeError(`Cannot use ${name}: the tensor was disposed`);
}

/** Checks that a tensor is a picture or latents, `[n, channels, h, w]`, none of them 0. `key` is where the configuration says so. */
function checkPicture(name: string, tensor: Tensor, channels: number, key: string): void {
  checkTensor(name, tensor);
  const { shape, dtype } = tensor;
  if (dtype !== "float32") throw new TypeError(`Cannot use ${name}: expected float32 elements, found ${dtype}`);
  if (shape.length !== 4) {
    throw new RangeError(`Cannot use ${name}: expected shape [n, ${channels}, height, width], found [${shape}]`);
  }
  if (shape[1] !== channels) {
    throw new RangeError(`Cannot use ${name}: expected ${channels} channels (${key}), found ${shape[1]} in [${shape}]`);
  }
  if (shape.some((side) => side === 0)) {
    throw new RangeError(`Cannot use ${name}: it is empty, its shape is [${shape}]`);
  }
}

/**
 * VQ-VAE, VQGAN and MoVQ image tokenizers: Hugging Face Diffusers' `VQModel` in TypeScript, on WebGPU or on the CPU.
 *
 * @example
 * ```ts
 * import { ImageProcessor, VQModel } from "@codebook/vqmodel";
 * import { assertEquals } from "@std/assert";
 *
 * using model = await VQModel.fromPretrained("examples/models/leaves-f4");
 * const processor = new ImageProcessor({ vaeScaleFactor: model.downsamplingFactor });
 *
 * using sample = await processor.preprocess("examples/images/still-life.png", { height: 64, width: 96 });
 * const tokens = await model.tokenize(sample); // { indices: Int32Array, shape: [1, 16, 24] }
 * using decoded = await model.detokenize(tokens);
 *
 * const [picture] = await processor.postprocess(decoded); // picture.save("reconstruction.png") writes it
 * assertEquals([picture.width, picture.height], [96, 64]);
 * assertEquals(tokens.shape, [1, 16, 24]);
 * ```
 *
 * @module
 */

export {
  HubError,
  type HubModelOptions,
  type HubProgress,
  type ModelFiles,
  printable,
  type PushOptions,
  type PushResult,
  type SaveOptions,
  type TensorInfo,
  type TensorSource,
  WeightsError,
} from "./hub/mod.ts";
export {
  type Device,
  DeviceError,
  type DType,
  type MemoryUse,
  type OpCost,
  type OpProfile,
  type Shape,
  Tensor,
  type TensorData,
  type TuningStore,
} from "./kernels/mod.ts";
export type { DownBlockType, UpBlockType, VQConfig } from "./model/architecture/config.ts";
export { ConfigError } from "./model/architecture/errors.ts";
export * from "./model/images/mod.ts";
export { Profile, type ProfiledOp } from "./model/profile.ts";
export * from "./model/comparison.ts";
export type { Codebook } from "./model/tokens/codebook.ts";
export { type TokenFormat, tokenFormatOf } from "./model/tokens/formats.ts";
export type { TokenDType } from "./model/tokens/integer_types.ts";
export * from "./model/tokens/token_file.ts";
export type { IntegerArray, TokenIndices, Tokens, TokensLike } from "./model/tokens/tokens.ts";
export type {
  CallOptions,
  ComputeOptions,
  DecodeOptions,
  DecoderOutput,
  EncoderOutput,
  LoadOptions,
  MemoryOptions,
  MemoryPlan,
  ProfileOptions,
  Progress,
  QuantizerOutput,
  TuneOptions,
} from "./model/options.ts";
export { VQModel } from "./model/vq_model.ts";

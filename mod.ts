/**
 * VQ-VAE, VQGAN and MoVQ image tokenizers: Hugging Face Diffusers' `VQModel` in TypeScript, on WebGPU.
 *
 * @example
 * ```ts ignore
 * import { ImageProcessor, VQModel } from "@codebook/vqmodel";
 *
 * using model = await VQModel.fromPretrained("examples/models/leaves-f4");
 * const processor = new ImageProcessor({ vaeScaleFactor: model.downsamplingFactor });
 *
 * using sample = await processor.preprocess("examples/images/still-life.png");
 * const tokens = await model.tokenize(sample); // { indices: Int32Array, shape: [1, 128, 192] }
 * using decoded = await model.detokenize(tokens);
 *
 * const [picture] = await processor.postprocess(decoded);
 * await picture.save("reconstruction.png");
 * ```
 *
 * @module
 */

export {
  HubError,
  type HubModelOptions,
  type HubProgress,
  type ModelFiles,
  type PushOptions,
  type PushResult,
  type SaveOptions,
  type TensorInfo,
  type TensorSource,
  WeightsError,
} from "./hub/mod.ts";
export { type Device, DeviceError, type DType, type Shape, Tensor, type TensorData } from "./kernels/mod.ts";
export type { DownBlockType, UpBlockType, VQConfig } from "./model/config.ts";
export { ConfigError } from "./model/errors.ts";
export * from "./model/image_processor.ts";
export * from "./model/picture.ts";
export * from "./model/report.ts";
export * from "./model/token_map.ts";
export type { Tokens } from "./model/tokens.ts";
export type {
  CallOptions,
  ComputeOptions,
  DecodeOptions,
  DecoderOutput,
  EncoderOutput,
  LoadOptions,
  Progress,
  QuantizerOutput,
} from "./model/options.ts";
export { VQModel } from "./model/vq_model.ts";

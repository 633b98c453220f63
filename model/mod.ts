/**
 * The model, and the pictures and tokens that it takes and gives.
 *
 * @module
 */

export type { DownBlockType, FamilyConfig, FamilyName, UpBlockType, VQConfig } from "./architecture/config.ts";
export { ConfigError } from "./architecture/errors.ts";
export * from "./comparison.ts";
export * from "./images/mod.ts";
export type { ModelMethods } from "./model_methods.ts";
export type {
  CallOptions,
  ComputeOptions,
  DecodeOptions,
  DecoderOutput,
  DetokenizeOptions,
  EncoderOutput,
  LoadFileOptions,
  LoadGivenOptions,
  LoadOptions,
  MemoryOptions,
  MemoryPlan,
  ProfileOptions,
  Progress,
  QuantizerOutput,
  TokenizeOptions,
  TuneOptions,
  VQEncoderOutput,
} from "./options.ts";
export { Profile, type ProfiledOp } from "./profile.ts";
export {
  type Codebook,
  decodeTokens,
  type DecodeTokensOptions,
  encodeTokens,
  type EncodeTokensOptions,
  type IntegerArray,
  type OpenTokens,
  openTokens,
  readTokens,
  saveTokens,
  type TokenDType,
  type TokenFormat,
  tokenFormatOf,
  type TokenIndices,
  type Tokens,
  type TokensLike,
  type TokenSource,
} from "./tokens/mod.ts";
export { serveModel, type WorkerPort } from "./serve_model.ts";
export { VQModel } from "./vq_model.ts";
export type { ModelWorker, WorkerModel } from "./worker/connect_model.ts";
export type { RemoteSource, WorkerOptions } from "./worker/protocol.ts";

/**
 * Tokens: their grids, their codebook, and token files.
 *
 * @module
 */

export { checkCodebook, type Codebook } from "./codebook.ts";
export { type TokenFormat, tokenFormatOf } from "./formats.ts";
export type { TokenDType } from "./integer_types.ts";
export {
  decodeTokens,
  type DecodeTokensOptions,
  encodeTokens,
  type EncodeTokensOptions,
  readTokens,
  saveTokens,
  type TokenSource,
} from "./token_file.ts";
export { type IntegerArray, isArrays, type TokenIndices, type Tokens, type TokensLike, toTokens } from "./tokens.ts";

/**
 * Tokens: their grids, their codebook, and token files.
 *
 * @module
 */

export type { IntegerDType as TokenDType } from "../../hub/mod.ts";
export { checkCodebook, type Codebook } from "./codebook.ts";
export { type TokenFormat, tokenFormatOf } from "./formats.ts";
export {
  decodeTokens,
  type DecodeTokensOptions,
  encodeTokens,
  type EncodeTokensOptions,
  type OpenTokens,
  openTokens,
  readTokens,
  saveTokens,
  type TokenSource,
} from "./token_file.ts";
export { tokensOf, tokensWithMargins } from "./margins.ts";
export { type IntegerArray, isArrays, type TokenIndices, type Tokens, type TokensLike, toTokens } from "./tokens.ts";

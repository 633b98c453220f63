/**
 * How a data set's tokens use the codebook.
 *
 * @module
 */

import { show } from "../../hub/show.ts";
import type { TokenRecord } from "../types.ts";

/** The result of {@linkcode tokenStatistics}. */
export interface TokenStatistics {
  /** Number of records, mirrored pictures included. */
  readonly pictures: number;
  /** Number of tokens. */
  readonly tokens: number;
  /** Number of codes in the codebook. */
  readonly codes: number;
  /** Number of codes that occur. */
  readonly usedCodes: number;
  /** Share of the codes that occur, 0 to 1. */
  readonly usage: number;
  /** Shannon entropy of the codes in bits per token: what an ideal entropy coder needs, at most log₂ of `codes`. */
  readonly entropy: number;
  /** `2 ** entropy`: the number of equally frequent codes with the same entropy. */
  readonly perplexity: number;
  /** Bits of the tokens, log₂ of `codes` each, divided by the pictures' pixels; absent if one of them has no size. */
  readonly bitsPerPixel?: number;
  /** Bits of the tokens by their entropy, divided by the pictures' pixels. */
  readonly entropyPerPixel?: number;
  /** How often each code occurs. */
  readonly counts: Float64Array<ArrayBuffer>;
}

/**
 * Counts the codes of a data set's tokens.
 *
 * @param records as {@linkcode decodeRecords} reads them
 * @param codes number of codes in the codebook: `num_vq_embeddings`
 * @throws {RangeError} if an index is not in the codebook
 *
 * @example
 * ```ts
 * import { tokenStatistics } from "@codebook/vqmodel/datasets";
 * import { assertEquals } from "@std/assert";
 *
 * const records = [{ key: "leaf", indices: Int32Array.of(7, 7, 2, 2), shape: [2, 2] as const, width: 8, height: 8 }];
 * const { usedCodes, entropy, perplexity, bitsPerPixel } = await tokenStatistics(records, 256);
 * assertEquals([usedCodes, entropy, perplexity, bitsPerPixel], [2, 1, 2, 0.5]);
 * ```
 */
export async function tokenStatistics(
  records: AsyncIterable<TokenRecord> | Iterable<TokenRecord>,
  codes: number,
): Promise<TokenStatistics> {
  const counts = new Float64Array(codes);
  let pictures = 0, tokens = 0, pixels = 0;
  for await (const { key, indices, width = NaN, height = NaN } of records) {
    for (const index of indices) {
      if (!(index >= 0 && index < codes)) {
        throw new RangeError(
          `Cannot count tokens of ${show(key)}: expected indices from 0 to ${codes - 1}, found ${index}`,
        );
      }
      counts[index]++;
    }
    pictures++;
    tokens += indices.length;
    pixels += width * height;
  }
  const usedCodes = counts.reduce((used, count) => used + Number(count > 0), 0);
  const entropy = entropyOf(counts, tokens);
  return {
    ...{ pictures, tokens, codes, usedCodes, usage: usedCodes / codes, entropy, perplexity: 2 ** entropy },
    ...(pixels > 0 && { bitsPerPixel: tokens * Math.log2(codes) / pixels, entropyPerPixel: tokens * entropy / pixels }),
    counts,
  };
}

/** Bits per token. */
function entropyOf(counts: Float64Array, tokens: number): number {
  return counts.reduce((bits, count) => count > 0 ? bits - count / tokens * Math.log2(count / tokens) : bits, 0);
}

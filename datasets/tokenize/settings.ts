/**
 * What identifies the tokens of a data set.
 *
 * @module
 */

import { integersToBytes, smallestUnsignedType } from "../../hub/mod.ts";
import type { TokenDType, VQModel } from "../../mod.ts";
import type { TokenSettings } from "../output/manifest.ts";
import { modelSettings } from "../output/model_settings.ts";
import type { DatasetFormat, TokenSetInfo } from "../types.ts";
import { describePreparation, type PrepareOptions } from "./prepare.ts";

/**
 * What the files of tokens say of a model.
 *
 * @throws {RangeError} if the type of the numbers does not hold the codebook
 */
export async function tokenSetInfo(model: VQModel, dtype?: TokenDType): Promise<TokenSetInfo> {
  const { hash, model: name } = await model.codebook();
  const codes = model.config.num_vq_embeddings;
  if (dtype !== undefined) integersToBytes(Int32Array.of(codes - 1), dtype); // throws before anything is computed
  return { dtype: dtype ?? smallestUnsignedType(codes), model: name, codebook: hash, codes };
}

/** All that changes the tokens. */
export function tokenSettings(
  model: VQModel,
  { dtype, model: name, codebook, codes }: TokenSetInfo,
  format: DatasetFormat,
  options: PrepareOptions,
): TokenSettings {
  return {
    model: modelSettings(model, { name, codebook: codebook!, codes }),
    preprocessing: describePreparation(model, options),
    format,
    dtype,
  };
}

/**
 * What identifies the tokens of a data set.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { integersToBytes, smallestUnsignedType } from "../../hub/mod.ts";
import type { TokenDType, VQModel } from "../../mod.ts";
import type { TokenSettings } from "../output/manifest.ts";
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
    model: {
      name,
      commit: model.commit,
      codebook: codebook!,
      codes,
      configuration: createHash("sha256").update(sortedJson(model.config)).digest("hex"),
      dtype: model.dtype,
    },
    preprocessing: describePreparation(model, options),
    format,
    dtype,
  };
}

/** JSON whose keys are sorted, so that it is the same for equal values. */
function sortedJson(value: unknown): string {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(",")}]`;
  if (!isObject) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, field]) => field !== undefined).sort(([a], [b]) => a < b ? -1 : 1);
  return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${sortedJson(field)}`).join(",")}}`;
}

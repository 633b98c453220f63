/**
 * What identifies a model in a manifest.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { VQModel } from "../../mod.ts";
import type { TokenSettings } from "./manifest.ts";

/** A model's settings, of which its codebook is known already. */
export function modelSettings(
  model: VQModel,
  { name, codebook, codes }: Pick<TokenSettings["model"], "name" | "codebook" | "codes">,
): TokenSettings["model"] {
  return {
    name,
    commit: model.commit,
    codebook,
    codes,
    configuration: createHash("sha256").update(sortedJson(model.config)).digest("hex"),
    dtype: model.dtype,
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

/**
 * Token files.
 *
 * @module
 */

import { readTokens } from "../../../mod.ts";
import type { Mutate } from "../mutations/bytes.ts";
import { mutateJson } from "../mutations/json.ts";
import { mutateNpy } from "../mutations/npy.ts";
import { mutateSafetensors } from "../mutations/safetensors.ts";
import { mutateZip } from "../mutations/zip.ts";
import { fixtures, type Target } from "./target.ts";

const MUTATIONS: Readonly<Record<string, Mutate>> = {
  json: mutateJson,
  npy: mutateNpy,
  npz: mutateZip,
  safetensors: mutateSafetensors,
  pt: mutateZip,
};

/** One for each format. */
export const tokenTargets: readonly Target[] = Object.entries(MUTATIONS).map(([extension, mutate]) => ({
  name: `tokens/${extension}`,
  extension,
  samples: fixtures(`.${extension}`, "tokens"),
  mutate,
  read: (bytes) => readTokens(new File([bytes], `tokens.${extension}`)),
}));

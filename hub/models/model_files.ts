/**
 * Chooses the files of a model in a folder or repository by their names, as Diffusers does.
 *
 * @module
 */

import { HubError, WeightsError } from "../errors.ts";
import { isObject } from "../formats/json.ts";
import { isPlainFileName } from "../system/paths.ts";
import { show, showText } from "../show.ts";

/** Diffusers' name for the configuration of a model. */
export const CONFIG_NAME = "config.json";
/** Diffusers' name for the list of a pipeline's models. */
export const PIPELINE_NAME = "model_index.json";

/** What the names of Diffusers' weight files begin with. */
export const WEIGHTS = "diffusion_pytorch_model";

/**
 * Chooses the weight file among the files of a folder: safetensors before `.bin`, and of each format the single file before
 * the index of shards.
 *
 * @param where name of the folder in messages
 * @throws {WeightsError} if there is none; the message lists the available variants
 */
export function chooseWeights(files: readonly string[], variant: string | undefined, where: string): string {
  const chosen = weightNames(variant).find((name) => files.includes(name));
  if (chosen !== undefined) return chosen;

  const wanted = variant ? `weights of variant ${show(variant)}` : `${WEIGHTS}.safetensors or ${WEIGHTS}.bin`;
  const found = offers(files);
  throw new WeightsError(
    `Cannot load ${where}: expected ${wanted}, found ` +
      (found.length > 0 ? `only ${found.join(" and ")}` : `no weights among: ${listNames(files)}`),
  );
}

/**
 * Finds the folder of the only VQModel of a pipeline.
 *
 * @param pipeline the parsed `model_index.json`
 * @param where name of the repository in messages
 * @throws {HubError} if there is none, or more than one
 */
export function findVqComponent(pipeline: unknown, where: string): string {
  const components = Object.entries(isObject(pipeline) ? pipeline : {})
    .filter(([name, value]) => Array.isArray(value) && isPlainFileName(name)) as [string, unknown[]][];
  const names = components.filter(([, [, kind]]) => kind === "VQModel").map(([name]) => name);
  if (names.length === 1) return names[0];
  if (names.length > 1) {
    const quoted = names.map((name) => show(name));
    throw new HubError(
      `Cannot load ${where}: it is a pipeline with the VQModels ${
        quoted.slice(0, 12).join(" and ")
      }. Say which: subfolder: ${quoted[0]}`,
    );
  }
  const kinds = components.map(([name, [, kind]]) => `${name} (${typeof kind === "string" ? kind : show(kind)})`);
  throw new HubError(
    `Cannot load ${where}: expected a VQModel, found a pipeline of ${listNames(kinds)}`,
  );
}

/** Names for a message, at most twelve. */
export function listNames(names: readonly string[]): string {
  const shown = [...names].sort().slice(0, 12).map((name) => showText(name, 100)).join(", ");
  return names.length > 12 ? `${shown} and ${names.length - 12} more` : shown || "nothing";
}

/** All possible names of the files of a model of Diffusers, except for shards, which their index names. */
export function possibleNames(variant: string | undefined): string[] {
  return [CONFIG_NAME, PIPELINE_NAME, ...weightNames(variant)];
}

/** The possible names of weight files, preferred ones first. */
function weightNames(variant: string | undefined): string[] {
  return ["safetensors", "bin"].flatMap((format) =>
    variant
      ? [
        `${WEIGHTS}.${variant}.${format}`,
        `${WEIGHTS}.${format}.index.${variant}.json`,
        `${WEIGHTS}.${format}.${variant}.index.json`, // Diffusers before 0.32
      ]
      : [`${WEIGHTS}.${format}`, `${WEIGHTS}.${format}.index.json`]
  );
}

/** The variants that could be loaded instead, each with the option to pass. */
function offers(files: readonly string[]): string[] {
  const patterns = [
    /^diffusion_pytorch_model\.(.+)\.(?:safetensors|bin)$/,
    /^diffusion_pytorch_model\.(?:safetensors|bin)\.index\.(.+)\.json$/,
    /^diffusion_pytorch_model\.(?:safetensors|bin)\.(.+)\.index\.json$/,
  ];
  const isShard = (name: string) => /-\d+-of-\d+\./.test(name);
  const variants = files
    .filter((name) => !isShard(name))
    .map((name) => patterns.map((pattern) => pattern.exec(name)?.[1]).find((variant) => variant))
    .filter((variant) => variant !== undefined);
  const hasDefault = weightNames(undefined).some((name) => files.includes(name));
  return [
    ...(hasDefault ? ["the default weights (omit variant)"] : []),
    ...[...new Set(variants)].slice(0, 12).map((variant) =>
      `variant ${show(variant)} (pass variant: ${show(variant)})`
    ),
  ];
}

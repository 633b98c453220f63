/**
 * Chooses a checkpoint and its configuration in folders that Diffusers did not write.
 *
 * @module
 */

import { HubError } from "../errors.ts";
import { isPlainFileName } from "../system/paths.ts";
import { show } from "../show.ts";
import type { ModelHalf } from "./halves.ts";
import { CONFIG_NAME, listNames } from "./model_files.ts";

const CHECKPOINT = /\.(safetensors|bin|ckpt|pt|pth|index\.json)$/;
const INDEX = /^(.+)(\.\w+)\.index\.json$/;
const SHARD = /-\d+-of-\d+\.\w+$/;
const YAML = /\.ya?ml$/;

/** Most files that are looked into to tell which is the checkpoint. */
const MAX_CANDIDATES = 16;
/** Most models inside one checkpoint; each takes a pass over all names. */
const MAX_PREFIXES = 16;

/** The files of a folder that may be checkpoints: weight files, and the indices of shards. */
export function checkpointNames(names: readonly string[]): string[] {
  const indices = names.map((name) => INDEX.exec(name)).filter((match) => match !== null);
  const isShard = (name: string) =>
    SHARD.test(name) || indices.some(([, stem, ending]) => name.startsWith(stem) && name.endsWith(ending));
  return names.filter((name) => CHECKPOINT.test(name) && !isShard(name)).sort();
}

/** Whether a file holds a VQ model; `undefined` if it cannot be read. */
export type HoldsModel = (name: string) => Promise<boolean | undefined>;

/**
 * Chooses the only file that holds a VQ model, or else the only one that cannot be read: opening it explains why.
 *
 * @param candidates from {@linkcode checkpointNames}
 * @param holdsModel called only if there are several
 * @param where name of the folder in messages
 * @throws {HubError} if several files do; the message names them
 */
export async function chooseCheckpoint(
  candidates: readonly string[],
  holdsModel: HoldsModel,
  where: string,
): Promise<string | undefined> {
  if (candidates.length <= 1) return candidates[0];
  const answers: [name: string, holds: boolean | undefined][] = [];
  for (const name of candidates.slice(0, MAX_CANDIDATES)) answers.push([name, await holdsModel(name)]);
  const namesWith = (answer: boolean | undefined) => answers.filter(([, it]) => it === answer).map(([name]) => name);
  const found = [namesWith(true), namesWith(undefined), candidates].find((names) => names.length > 0)!;
  if (found.length === 1 && candidates.length <= MAX_CANDIDATES) return found[0];
  throw new HubError(
    `Cannot load ${where}: expected one checkpoint, found ${listNames(found)}. Say which: file: ${show(found[0])}`,
  );
}

/** The names that the configuration of a checkpoint may have, preferred ones first. */
export function configNames(checkpoint: string): string[] {
  const stem = checkpoint.replace(CHECKPOINT, "");
  return [`${stem}.yaml`, `${stem}.yml`, "config.yaml", "config.yml", CONFIG_NAME];
}

/**
 * Chooses the configuration of a folder's only checkpoint, which may have any name if no other file is YAML.
 *
 * @param where name of the folder in messages
 * @throws {HubError} if that leaves several; the message names them
 */
export function chooseConfig(names: readonly string[], checkpoint: string, where: string): string | undefined {
  const usual = configNames(checkpoint).find((name) => names.includes(name));
  const others = names.filter((name) => YAML.test(name));
  if (usual !== undefined || others.length <= 1) return usual ?? others[0];
  throw new HubError(
    `Cannot load ${where}: expected one configuration, found ${listNames(others)}. ` +
      "Name the right one config.yaml, or pass it as config to fromSingleFile",
  );
}

/**
 * Checks a `file` option, and returns it.
 *
 * @param names the files of the folder
 * @param where name of the folder in messages
 * @throws {HubError} if it is not in the model's folder
 */
export function checkFile(names: readonly string[], file: string, where: string): string {
  if (!isPlainFileName(file)) {
    throw new HubError(
      `Cannot use file ${show(file)}: expected the name of a file in the model's folder, such as "model.ckpt"; ` +
        "pass its folder as subfolder",
    );
  }
  if (names.includes(file)) return file;
  throw new HubError(`Cannot load ${where}: expected the file ${show(file)} in it, found ${listNames(names)}`);
}

/**
 * The tensors of the VQ model in a checkpoint: all of them, or those below a prefix such as `gen_vision_model.`, by which a
 * larger model holds it. None if there is no encoder with a decoder, or not the half that is needed.
 */
export function modelTensors(names: Iterable<string>, only?: ModelHalf): string[] {
  const all = new Set(names);
  const [first, ...others] = (only ? [only] : ["encoder", "decoder"]).map((half) => `${half}.conv_in.weight`);
  const prefixes = [...all]
    .filter((name) => name.endsWith(first))
    .map((name) => name.slice(0, -first.length))
    .filter((prefix) => others.every((name) => all.has(prefix + name)))
    .slice(0, MAX_PREFIXES);
  return [...all].filter((name) => prefixes.some((prefix) => name.startsWith(prefix)));
}

/**
 * Models in local directories.
 *
 * @module
 */

import { fileURLToPath } from "../system/file_paths.ts";
import { directoryStore } from "../formats/file_store.ts";
import { checkOptions } from "../check_options.ts";
import { expandUser } from "../system/expand.ts";
import { HubError } from "../errors.ts";
import { reasonOf } from "../show.ts";
import { checkOnly } from "./halves.ts";
import { MODEL_CHOICE, type ModelChoice, type ModelFiles, openModelIn } from "./open_model.ts";

/**
 * Opens a model in a directory, as Diffusers saves it: `config.json`, and weights in safetensors (one file, or shards with
 * an index) or in torch's `.bin` format.
 *
 * @example
 * ```ts ignore
 * import { openLocalModel } from "@codebook/vqmodel/hub";
 *
 * const { config, weights } = await openLocalModel("amused-256", { subfolder: "vqvae" });
 * const codebook = await weights.read("quantize.embedding.weight");
 * await weights.close();
 * ```
 *
 * @param directory a path, in which a leading `~` is the home folder, or a `file:` URL
 * @throws {TypeError} if an option is unknown, or `only` names no half
 * @throws {HubError} if there is no such directory, or it contains no model; the message says what was found
 * @throws {WeightsError} if the weights are missing or damaged
 */
export async function openLocalModel(directory: string | URL, options: ModelChoice = {}): Promise<ModelFiles> {
  checkOptions("open model", options, MODEL_CHOICE);
  checkOnly(options.only);
  const path = directoryPath(directory);
  return { ...await openModelIn(directoryStore(path), options), name: path };
}

/**
 * The path of a model's directory.
 *
 * @param directory a path, in which a leading `~` is the home folder, or a `file:` URL
 * @throws {HubError} if it is neither
 */
export function directoryPath(directory: string | URL): string {
  if (directory === "") throw new HubError("Cannot use an empty text as a directory: expected a path or a file: URL");
  if (typeof directory === "string" && !directory.startsWith("file:")) return expandUser(directory);
  try {
    return fileURLToPath(directory);
  } catch (cause) {
    throw new HubError(`Cannot use ${directory}: expected a path or a file: URL; ${reasonOf(cause)}`, { cause });
  }
}

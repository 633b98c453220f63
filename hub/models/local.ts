/**
 * Models in local directories.
 *
 * @module
 */

import { readdir, stat } from "../system/files.ts";
import { fileURLToPath, join } from "../system/file_paths.ts";
import { openFile } from "../formats/byte_source.ts";
import { checkOptions } from "../check_options.ts";
import { expandUser } from "../system/expand.ts";
import { HubError } from "../errors.ts";
import { reasonOf } from "../show.ts";
import { checkOnly } from "./halves.ts";
import { type FileStore, MODEL_CHOICE, type ModelChoice, type ModelFiles, openModelIn } from "./file_store.ts";

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

/** The files of a directory. */
export function directoryStore(root: string): FileStore {
  const nameOf = (path: string) => path === "" ? root : join(root, ...path.split("/"));
  return {
    nameOf,
    async list(folder) {
      const path = nameOf(folder);
      return await readdir(path).catch((cause) => {
        throw new HubError(`Cannot load ${path}: expected a directory that can be read; ${reasonOf(cause)}`, { cause });
      });
    },
    open: (path) => openFile(nameOf(path)),
    async version(path) {
      return await stat(nameOf(path)).then(({ ino, mtimeMs }) => `${ino} ${mtimeMs}`, reasonOf);
    },
  };
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

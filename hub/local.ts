/**
 * Models in a directory on this machine.
 *
 * @module
 */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openFile } from "./byte_source.ts";
import { HubError, reasonOf } from "./errors.ts";
import { isObject, parseJson } from "./json.ts";
import { chooseWeights, CONFIG_NAME, findVqComponent, listNames, PIPELINE_NAME } from "./model_files.ts";
import { subfolderParts } from "./paths.ts";
import type { TensorSource } from "./tensor_source.ts";
import { openWeights } from "./weights.ts";

/** Which model of a directory to open. */
export interface LocalModelOptions {
  /**
   * The folder that holds `config.json`. By default the directory itself, or, where that is a pipeline, the folder of its
   * one VQModel.
   */
  subfolder?: string;
  /** For `"fp16"`, the weights in `diffusion_pytorch_model.fp16.safetensors` and the like. */
  variant?: string;
}

/** The files of a model, open for reading. */
export interface ModelFiles {
  /** What `config.json` holds, parsed but not checked. */
  readonly config: unknown;
  /** Where `config.json` is, for messages. */
  readonly configPath: string;
  /** The weights. Close them when they are read. */
  readonly weights: TensorSource;
}

/**
 * Opens a model that Diffusers saved in a directory: `config.json`, and the weights in safetensors (one file, or shards
 * with an index) or in torch's `.bin` format.
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
 * @param directory a path, or a `file:` URL
 * @throws {HubError} if there is no such directory, or it holds no model; it says what was found instead
 * @throws {WeightsError} if the weights are missing or damaged
 */
export async function openLocalModel(
  directory: string | URL,
  options: LocalModelOptions = {},
): Promise<ModelFiles> {
  const folder = await findModelFolder(toPath(directory), options.subfolder ?? "");
  const names = await listFolder(folder);
  if (!names.includes(CONFIG_NAME)) {
    throw new HubError(`Cannot load ${folder}: expected ${CONFIG_NAME} in it, found ${listNames(names)}`);
  }
  const configPath = join(folder, CONFIG_NAME);
  const config = await readJson(configPath);
  const weights = await openWeights(
    chooseWeights(names, options.variant, folder),
    (name) => openFile(join(folder, name)),
  );
  return { config, configPath, weights };
}

/** The folder of the model: the one that is asked for, or that of a pipeline's only VQModel. */
async function findModelFolder(root: string, subfolder: string): Promise<string> {
  const parts = subfolderParts(subfolder);
  if (parts.length > 0) return join(root, ...parts);
  const names = await listFolder(root);
  if (!names.includes(PIPELINE_NAME) || await holdsVqModel(root, names)) return root;
  return join(root, findVqComponent(await readJson(join(root, PIPELINE_NAME)), root));
}

/** Some pipelines have a `config.json` of another kind beside their `model_index.json`. */
async function holdsVqModel(root: string, names: readonly string[]): Promise<boolean> {
  if (!names.includes(CONFIG_NAME)) return false;
  const config = await readJson(join(root, CONFIG_NAME));
  return isObject(config) && config._class_name === "VQModel";
}

function toPath(directory: string | URL): string {
  if (typeof directory === "string" && !directory.startsWith("file:")) return directory;
  try {
    return fileURLToPath(directory);
  } catch (cause) {
    throw new HubError(`Cannot load ${directory}: expected a path or a file: URL; ${reasonOf(cause)}`, { cause });
  }
}

async function listFolder(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    throw new HubError(`Cannot load ${path}: expected a directory that can be read; ${reasonOf(cause)}`, { cause });
  }
}

async function readJson(path: string): Promise<unknown> {
  const bytes = await readFile(path).catch((cause) => {
    throw new HubError(`Cannot read ${path}: ${reasonOf(cause)}`, { cause });
  });
  return parseJson(bytes, path, HubError);
}

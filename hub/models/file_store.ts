/**
 * Finds and opens a model among files of a repository or directory.
 *
 * @module
 */

import type { ByteSource } from "../formats/byte_source.ts";
import { HubError, WeightsError } from "../errors.ts";
import { UNFINISHED } from "./exchange.ts";
import { isObject, parseJson } from "../formats/json.ts";
import type { OptionNames } from "../../check_options.ts";
import { chooseWeights, CONFIG_NAME, findVqComponent, listNames, PIPELINE_NAME } from "./model_files.ts";
import { subfolderParts } from "../system/paths.ts";
import type { TensorSource } from "../formats/tensor_source.ts";
import { openWeights } from "../formats/tensor_files.ts";

/** Files in folders. Paths have `/` between folders; that of the root is `""`. */
export interface FileStore {
  /** The name of a path in messages. */
  nameOf(path: string): string;
  /**
   * The names of the entries of a folder.
   *
   * @throws {HubError} if there is no such folder
   */
  list(folder: string): Promise<readonly string[]>;
  /** Opens a file for reading. */
  open(path: string): Promise<ByteSource>;
  /** A text that changes when a file is replaced. Absent if files never are. */
  version?(path: string): Promise<string>;
}

/** Which model to open. */
export interface ModelChoice {
  /**
   * The folder of `config.json`. By default the root, or, if that is a pipeline, the folder of its only VQModel.
   */
  subfolder?: string;
  /** Variant of the weights: with `"fp16"`, those in `diffusion_pytorch_model.fp16.safetensors` and the like. */
  variant?: string;
}

/** The names of {@linkcode ModelChoice}. */
export const MODEL_CHOICE: OptionNames<ModelChoice> = { subfolder: true, variant: true };

/** The files of a model, open for reading. */
export interface ModelFiles {
  /** The content of `config.json`, parsed but not checked. */
  readonly config: unknown;
  /** Path of `config.json`, for messages. */
  readonly configPath: string;
  /** The repository or directory, for messages. */
  readonly name?: string;
  /** The commit, if the files are from a repository. */
  readonly commit?: string;
  /** The weights. Close them after reading. */
  readonly weights: TensorSource;
}

/** Bytes; usual configurations have a few hundred. */
const MAX_CONFIG_SIZE = 10_000_000;

/**
 * Opens a model among files, which are chosen as in Diffusers.
 *
 * @throws {HubError} if there is no model; the message says what was found
 * @throws {WeightsError} if the weights are missing or damaged
 */
export async function openModelIn(store: FileStore, choice: ModelChoice): Promise<ModelFiles> {
  const folder = await findModelFolder(store, choice.subfolder ?? "");
  const configPath = pathIn(folder, CONFIG_NAME);
  const version = await store.version?.(configPath);
  const opening = openIn(store, folder, choice.variant);
  await opening.catch(() => {}); // a replaced model, which is the better message, may be the cause
  if (await store.version?.(configPath) === version) return await opening;
  await opening.then(({ weights }) => weights.close(), () => {});
  throw new HubError(
    `Cannot load ${store.nameOf(folder)}: another model was saved there meanwhile. Load it again`,
  );
}

async function openIn(store: FileStore, folder: string, variant: string | undefined): Promise<ModelFiles> {
  const names = await store.list(folder);
  const where = store.nameOf(folder);
  if (!names.includes(CONFIG_NAME)) {
    throw new HubError(`Cannot load ${where}: expected ${CONFIG_NAME} in it, found ${listNames(names)}`);
  }
  const configPath = pathIn(folder, CONFIG_NAME);
  const config = await readJson(store, configPath);
  const weights = await openWeights(
    chooseWeights(names, variant, where),
    (name) => store.open(pathIn(folder, name)),
  );
  return { config, configPath: store.nameOf(configPath), weights };
}

/** The folder of the model: `subfolder`, or that of a pipeline's only VQModel. */
async function findModelFolder(store: FileStore, subfolder: string): Promise<string> {
  const parts = subfolderParts(subfolder);
  if (parts.length > 0) return parts.join("/");
  const names = await store.list("");
  if (!names.includes(PIPELINE_NAME) || await holdsVqModel(store, names)) return "";
  return findVqComponent(await readJson(store, PIPELINE_NAME), store.nameOf(""));
}

/** Whether `config.json` in the root is a VQModel's: some pipelines have another kind beside their `model_index.json`. */
async function holdsVqModel(store: FileStore, names: readonly string[]): Promise<boolean> {
  if (!names.includes(CONFIG_NAME)) return false;
  const config = await readJson(store, CONFIG_NAME);
  return isObject(config) && config._class_name === "VQModel";
}

async function readJson(store: FileStore, path: string): Promise<unknown> {
  const name = store.nameOf(path);
  const asHubError = (cause: unknown) => {
    throw cause instanceof WeightsError ? new HubError(cause.message, { cause }) : cause;
  };
  const source = await store.open(path).catch(asHubError);
  try {
    if (source.size > MAX_CONFIG_SIZE) {
      throw new HubError(`Cannot read ${name}: expected at most ${MAX_CONFIG_SIZE} bytes, found ${source.size}`);
    }
    const bytes = await source.read(0, source.size).catch(asHubError);
    if (new TextDecoder().decode(bytes) === UNFINISHED) throw new HubError(`Cannot load ${name}: ${UNFINISHED}`);
    return parseJson(bytes, `Cannot read ${name}`, HubError);
  } finally {
    await source.close();
  }
}

function pathIn(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

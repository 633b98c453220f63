/**
 * Finds and opens a model among files of a repository or directory.
 *
 * @module
 */

import type { ByteSource } from "../formats/byte_source.ts";
import type { FileStore } from "../formats/file_store.ts";
import { HubError, WeightsError } from "../errors.ts";
import { UNFINISHED } from "./exchange.ts";
import { isObject, parseJson } from "../formats/json.ts";
import { parseYaml } from "../formats/yaml.ts";
import {
  checkFile,
  checkpointNames,
  chooseCheckpoint,
  chooseConfig,
  configNames,
  modelTensors,
} from "./checkpoint_files.ts";
import type { OptionNames } from "../check_options.ts";
import { isOfOtherHalf, type ModelHalf } from "./halves.ts";
import { chooseWeights, CONFIG_NAME, findVqComponent, listNames, PIPELINE_NAME, WEIGHTS } from "./model_files.ts";
import { UnreachableError } from "../remote/retry.ts";
import { subfolderParts } from "../system/paths.ts";
import type { TensorSource } from "../formats/tensor_source.ts";
import { type OpenBytes, openWeights } from "../formats/tensor_files.ts";

/** Which model to open. */
export interface ModelChoice {
  /**
   * The folder of `config.json`. By default the root, or, if that is a pipeline, the folder of its only VQModel.
   */
  subfolder?: string;
  /** Variant of the weights: with `"fp16"`, those in `diffusion_pytorch_model.fp16.safetensors` and the like. */
  variant?: string;
  /**
   * Name of the weight file in the folder, or of the index of its shards. By default Diffusers' weights, or else the only
   * checkpoint (`.safetensors`, `.ckpt`, `.pt`, `.pth`, `.bin` or `.index.json`). The configuration of `NAME.ckpt` is then
   * `NAME.yaml`, `config.yaml` or `config.json`, if one of these is there.
   */
  file?: string;
  /**
   * The half of the model that is needed, `"encoder"` or `"decoder"`; by default both. The tensors of the other half may be
   * missing. Of shards that Diffusers saved, those without tensors of this half are not opened.
   */
  only?: ModelHalf;
}

/** The names of {@linkcode ModelChoice}. */
export const MODEL_CHOICE: OptionNames<ModelChoice> = { subfolder: true, variant: true, file: true, only: true };

/** The files of a model, open for reading. */
export interface ModelFiles {
  /** The content of the configuration in JSON or YAML, parsed but not checked; `undefined` if there is none. */
  readonly config: unknown;
  /** Path of the configuration, or else of the weights, for messages. */
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
 * Opens a model among files, which are chosen as in Diffusers; in folders without its weights, the only checkpoint.
 *
 * @throws {HubError} if there is no model; the message says what was found
 * @throws {WeightsError} if the weights are missing or damaged
 */
export async function openModelIn(store: FileStore, choice: ModelChoice): Promise<ModelFiles> {
  const folder = await findModelFolder(store, choice);
  const configPath = pathIn(folder, CONFIG_NAME);
  const version = await store.version?.(configPath);
  const opening = openIn(store, folder, choice);
  await opening.catch(() => {}); // a replaced model, which is the better message, may be the cause
  if (await store.version?.(configPath) === version) return await opening;
  await opening.then(({ weights }) => weights.close(), () => {});
  throw new HubError(
    `Cannot load ${store.nameOf(folder)}: another model was saved there meanwhile. Load it again`,
  );
}

async function openIn(store: FileStore, folder: string, choice: ModelChoice): Promise<ModelFiles> {
  const { file, variant, only } = choice;
  if (file !== undefined) return await openFileIn(store, folder, file, only);
  const names = await store.list(folder);
  const where = store.nameOf(folder);
  const isDiffusers = variant !== undefined || names.some((name) => name.startsWith(WEIGHTS));
  const holds = (name: string) => holdsModel(store, folder, name, only);
  const checkpoint = isDiffusers ? undefined : await chooseCheckpoint(checkpointNames(names), holds, where);
  if (checkpoint !== undefined) {
    const configName = chooseConfig(names, checkpoint, where);
    return await openCheckpoint(store, folder, checkpoint, only, await readIfAny(store, folder, configName));
  }
  if (!names.includes(CONFIG_NAME)) {
    throw new HubError(`Cannot load ${where}: expected ${CONFIG_NAME} in it, found ${listNames(names)}`);
  }
  const configPath = pathIn(folder, CONFIG_NAME);
  const config = await readConfig(store, configPath);
  const open = opener(store, folder, only);
  const weights = await openWeights(
    chooseWeights(names, variant, where),
    (name) => open(name, false),
    (tensors) => tensors.filter((name) => !isOfOtherHalf(name, only)),
  );
  return { config, configPath: store.nameOf(configPath), weights };
}

/** A configuration, parsed but not checked. */
export interface Configuration {
  readonly value: unknown;
  /** Where it is from, for messages. */
  readonly path: string;
}

/**
 * Opens the checkpoint in a file.
 *
 * @param config by default the one beside it, if there is one
 * @throws {HubError} if there is no such file
 * @throws {WeightsError} if it is damaged
 */
export async function openFileIn(
  store: FileStore,
  folder: string,
  file: string,
  only?: ModelHalf,
  config?: Configuration,
): Promise<ModelFiles> {
  const names = await store.list(folder);
  checkFile(names, file, store.nameOf(folder));
  const configName = configNames(file).find((name) => names.includes(name));
  return await openCheckpoint(store, folder, file, only, config ?? await readIfAny(store, folder, configName));
}

/**
 * Opens a checkpoint of any family. Of shards, only those are opened that hold tensors of its VQ model; of both halves, as
 * the family is recognized by both.
 */
async function openCheckpoint(
  store: FileStore,
  folder: string,
  file: string,
  only: ModelHalf | undefined,
  config: Configuration | undefined,
): Promise<ModelFiles> {
  const weights = await openWeights(file, opener(store, folder, only), (names) => modelTensors(names, only));
  return { config: config?.value, configPath: config?.path ?? store.nameOf(pathIn(folder, file)), weights };
}

async function readIfAny(store: FileStore, folder: string, name?: string): Promise<Configuration | undefined> {
  if (name === undefined) return undefined;
  const path = pathIn(folder, name);
  return { value: await readConfig(store, path), path: store.nameOf(path) };
}

/** See {@linkcode chooseCheckpoint}. */
async function holdsModel(
  store: FileStore,
  folder: string,
  file: string,
  only: ModelHalf | undefined,
): Promise<boolean | undefined> {
  const open = opener(store, folder);
  try {
    const { tensors, unopened = [], close } = await openWeights(file, (name) => open(name, true), () => []);
    await close();
    return modelTensors([...tensors.keys(), ...unopened], only).length > 0;
  } catch (error) {
    const isUnreadable = error instanceof WeightsError || error instanceof HubError;
    if (isUnreadable && !(error instanceof UnreachableError)) return undefined;
    throw error;
  }
}

/** Opens weight files, of which all or half is read, or a part that is a small one; and their index. */
function opener(store: FileStore, folder: string, only?: ModelHalf): OpenBytes {
  return (name, isPart) => {
    const amount = isPart ? "little" : only && !name.endsWith(".json") ? "half" : "all";
    return store.open(pathIn(folder, name), amount);
  };
}

/** The folder of the model: `subfolder`, or that of a pipeline's only VQModel, unless a file is named. */
async function findModelFolder(store: FileStore, { subfolder = "", file }: ModelChoice): Promise<string> {
  const parts = subfolderParts(subfolder);
  if (parts.length > 0 || file !== undefined) return parts.join("/");
  const names = await store.list("");
  if (!names.includes(PIPELINE_NAME) || await holdsVqModel(store, names)) return "";
  return findVqComponent(await readConfig(store, PIPELINE_NAME), store.nameOf(""));
}

/** Whether `config.json` in the root is a VQModel's: some pipelines have another kind beside their `model_index.json`. */
async function holdsVqModel(store: FileStore, names: readonly string[]): Promise<boolean> {
  if (!names.includes(CONFIG_NAME)) return false;
  const config = await readConfig(store, CONFIG_NAME);
  return isObject(config) && config._class_name === "VQModel";
}

/**
 * Reads a configuration in JSON, or in YAML if its name says so.
 *
 * @throws {HubError} if it cannot be read
 */
export async function readConfig(store: FileStore, path: string): Promise<unknown> {
  return await readConfigFile(() => store.open(path), store.nameOf(path));
}

/** The same for a file that is in no store. */
export async function readConfigFile(open: () => Promise<ByteSource>, name: string): Promise<unknown> {
  const asHubError = (cause: unknown) => {
    throw cause instanceof WeightsError ? new HubError(cause.message, { cause }) : cause;
  };
  const source = await open().catch(asHubError);
  try {
    if (source.size > MAX_CONFIG_SIZE) {
      throw new HubError(`Cannot read ${name}: expected at most ${MAX_CONFIG_SIZE} bytes, found ${source.size}`);
    }
    const bytes = await source.read(0, source.size).catch(asHubError);
    if (new TextDecoder().decode(bytes) === UNFINISHED) throw new HubError(`Cannot load ${name}: ${UNFINISHED}`);
    const parse = /\.ya?ml$/.test(name) ? parseYaml : parseJson;
    return await parse(bytes, `Cannot read ${name}`, HubError);
  } finally {
    await source.close();
  }
}

function pathIn(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

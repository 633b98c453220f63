/**
 * Checkpoints in single files: on this machine, on the Hub, or on any web server.
 *
 * @module
 */

import { stat } from "../system/files.ts";
import { basename, dirname, fileURLToPath, pathToFileURL, resolve } from "../system/file_paths.ts";
import { openFile } from "../formats/byte_source.ts";
import { directoryStore, type FileStore } from "../formats/file_store.ts";
import { openWeights } from "../formats/tensor_files.ts";
import { HubError } from "../errors.ts";
import { checkOptions, type OptionNames, pickOptions } from "../check_options.ts";
import { HUB_ACCESS, type HubAccess } from "../remote/access.ts";
import { openUrl } from "../remote/url_source.ts";
import { checkRepoId, looksLocal } from "../repo_id.ts";
import { reasonOf, show } from "../show.ts";
import { defaultHubUrl, isOfflineMode } from "../system/environment.ts";
import { expandUser } from "../system/expand.ts";
import { isGranted } from "../system/permissions.ts";
import { type Configuration, type ModelFiles, openFileIn, readConfig, readConfigFile } from "./open_model.ts";
import { checkOnly } from "./halves.ts";
import { HUB_MODEL_OPTIONS, type HubModelOptions, withRepository } from "./hub_model.ts";

/** Options of {@linkcode openSingleFile}. */
export interface SingleFileOptions extends Omit<HubModelOptions, "subfolder" | "variant" | "file"> {
  /**
   * The configuration: an object, or where a file in JSON or YAML is, in any form that the checkpoint may have. It is the
   * family's own, or the `config.json` of Diffusers. By default `NAME.yaml`, `config.yaml` or `config.json` in the folder of
   * the checkpoint `NAME.ckpt`, if there is one; a folder on a web server is not searched.
   */
  config?: string | URL | Readonly<Record<string, unknown>>;
}

const { subfolder: _subfolder, variant: _variant, file: _file, ...FILE_OPTIONS } = HUB_MODEL_OPTIONS;

/** The names of {@linkcode SingleFileOptions}. */
export const SINGLE_FILE_OPTIONS: OptionNames<SingleFileOptions> = { ...FILE_OPTIONS, config: true };

/** A file of a repository. */
interface RepoFile {
  readonly repo: string;
  readonly folder: string;
  readonly file: string;
  readonly revision?: string;
}

/** Where a file is: its path on this machine, its URL, or its place in a repository. */
type Place = string | URL | RepoFile;

/**
 * Opens the checkpoint in one file, or in shards with an index.
 *
 * Files of the Hub are downloaded as by {@linkcode openHubModel}. From other web servers the needed ranges are requested, if
 * they support that; otherwise the file, of at most 2 GiB, is kept in memory. Their bytes are not checked against a hash.
 *
 * Upstream: `from_single_file`.
 *
 * @param source a path, a `file:` URL, an `https:` URL, or `"owner/name/path/in/repo.ckpt"` on the Hub
 * @throws {TypeError} if an option is unknown, or `only` names no half
 * @throws {HubError} if there is no such file, or it cannot be downloaded
 * @throws {WeightsError} if it is damaged, or of an unknown format
 */
export async function openSingleFile(source: string | URL, options: SingleFileOptions = {}): Promise<ModelFiles> {
  checkOptions("open file", options, SINGLE_FILE_OPTIONS);
  const { config, ...access } = options;
  const { only } = access;
  checkOnly(only);
  const given = config === undefined ? undefined : await readGiven(config, access);
  const place = await placeOf(source, access);
  if (typeof place === "string") {
    return { ...await openFileIn(directoryStore(dirname(place)), "", basename(place), only, given), name: place };
  }
  if (!(place instanceof URL)) {
    const { repo, folder, file, revision } = place;
    const open = (store: FileStore) => openFileIn(store, folder, file, only, given);
    return await withRepository(repo, { revision, ...access, file }, open);
  }
  const name = place.origin + place.pathname; // the query may hold a key
  const { localFilesOnly = isOfflineMode() } = access;
  if (localFilesOnly) throw new HubError(`Cannot load ${name}: only files of this machine may be used`);
  const file = fileNameOf(place);
  const open = (name: string) => openUrl(name === file ? place : new URL(name, place), pickAccess(access));
  return { config: given?.value, configPath: given?.path ?? name, name, weights: await openWeights(file, open) };
}

/**
 * Makes the location of a file independent of the working directory: the absolute `file:` URL of a path, or what is not a
 * path unchanged.
 */
export async function locateFile(source: string | URL): Promise<string | URL> {
  return await isLocalFile(source) ? pathToFileURL(localPath(source)) : source;
}

async function readGiven(
  config: NonNullable<SingleFileOptions["config"]>,
  options: SingleFileOptions,
): Promise<Configuration> {
  if (typeof config !== "string" && !(config instanceof URL)) return { value: config, path: "the option config" };
  const place = await placeOf(config, options);
  if (typeof place === "string") return { value: await readConfigFile(() => openFile(place), place), path: place };
  if (place instanceof URL) {
    const path = place.origin + place.pathname;
    return { value: await readConfigFile(() => openUrl(place, pickAccess(options)), path), path };
  }
  const { repo, folder, file, revision } = place;
  const path = folder === "" ? file : `${folder}/${file}`;
  const read = async (store: FileStore) => ({ value: await readConfig(store, path) });
  const { value } = await withRepository(repo, { revision, ...options }, read);
  return { value, path: `${repo}/${path}` };
}

async function placeOf(source: string | URL, { hubUrl = defaultHubUrl() }: SingleFileOptions): Promise<Place> {
  if (await isLocalFile(source)) return localPath(source);
  const address = `${source}`;
  if (/^https?:/i.test(address) && URL.canParse(address)) {
    const url = new URL(address);
    return repoFileAt(url, hubUrl) ?? url;
  }
  const [owner, name, ...path] = address.split("/");
  if (!path.at(-1)) {
    throw new HubError(
      `Cannot load ${show(address)}: expected a file that exists, a URL, or "owner/name/path/in/repo.ckpt" on the Hub`,
    );
  }
  return repoFile(`${owner}/${name}`, path);
}

/** The place in a repository that a URL of the Hub shows: `…/owner/name/(blob|resolve|raw)/REVISION/path`. */
function repoFileAt(url: URL, hubUrl: string): RepoFile | undefined {
  const base = hubUrl.replace(/\/*$/, "/");
  const hub = URL.canParse(base) ? new URL(base) : undefined;
  if (url.origin !== hub?.origin || !url.pathname.startsWith(hub.pathname)) return undefined;
  const parts = url.pathname.slice(hub.pathname.length).split("/").map(decoded);
  const [owner, name, verb, revision, ...path] = parts;
  if (!["blob", "resolve", "raw"].includes(verb) || !path.at(-1)) return undefined;
  return repoFile(`${owner}/${name}`, path, revision);
}

function repoFile(repo: string, path: readonly string[], revision?: string): RepoFile {
  checkRepoId(repo);
  return { repo, folder: path.slice(0, -1).join("/"), file: path.at(-1)!, revision };
}

async function isLocalFile(source: string | URL): Promise<boolean> {
  if (typeof source !== "string") return source.protocol === "file:";
  if (looksLocal(source)) return true;
  if (/^https?:/i.test(source) || !isGranted({ name: "read", path: source })) return false;
  return await stat(source).then(() => true, () => false);
}

function localPath(source: string | URL): string {
  try {
    const isUrl = typeof source !== "string" || source.startsWith("file:");
    return isUrl ? fileURLToPath(source) : resolve(expandUser(source));
  } catch (cause) {
    throw new HubError(`Cannot load ${show(`${source}`)}: expected a path or a file: URL; ${reasonOf(cause)}`, {
      cause,
    });
  }
}

function fileNameOf(url: URL): string {
  return decoded(url.pathname.slice(url.pathname.lastIndexOf("/") + 1));
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function pickAccess(options: SingleFileOptions): HubAccess {
  return pickOptions<HubAccess>(options, HUB_ACCESS);
}

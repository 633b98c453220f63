/**
 * Loading models: their files, which can be opened again, their checkpoint, and their engine.
 *
 * @module
 */

import {
  checkOnly,
  type GivenFile,
  HUB_MODEL_OPTIONS,
  type HubModelOptions,
  locateFile,
  locateModel,
  MODEL_CHOICE,
  type ModelChoice,
  type ModelFiles,
  openGivenFiles,
  openModel,
  openSingleFile,
  openTextStore,
  pickOptions,
  SINGLE_FILE_OPTIONS,
  type SingleFileOptions,
} from "../../hub/mod.ts";
import { checkMemoryLimit } from "../arguments.ts";
import { COMPUTE_OPTIONS } from "../option_names.ts";
import type { ComputeOptions, LoadFileOptions, LoadGivenOptions, LoadOptions } from "../options.ts";
import { type Checkpoint, withCheckpoint } from "./checkpoint.ts";
import { Engine } from "./engine.ts";

/** What a model consists of. */
export interface Loaded {
  readonly engine: Engine;
  readonly checkpoint: Checkpoint;
  /** What the model was loaded from; unknown for files that the caller opens. */
  readonly source?: string;
}

/** Loads a model of the Hub or of a directory. */
export async function loadPretrained(source: string | URL, options: LoadOptions): Promise<Loaded> {
  const place = await locateModel(source);
  const fileOptions = pickOptions<HubModelOptions>(options, HUB_MODEL_OPTIONS);
  const open = reopening((options) => openModel(place, options), fileOptions);
  return { ...await loadFiles(open, tunedComputing(options)), source: `${source}` };
}

/** Loads a model from one checkpoint file. */
export async function loadSingleFile(source: string | URL, options: LoadFileOptions): Promise<Loaded> {
  const place = await locateFile(source);
  const fileOptions = pickOptions<SingleFileOptions>(options, SINGLE_FILE_OPTIONS);
  const open = reopening((options) => openSingleFile(place, options), fileOptions);
  return { ...await loadFiles(open, tunedComputing(options)), source: `${source}` };
}

/** Loads a model from a list of files. */
export function loadGivenFiles(files: Iterable<GivenFile>, options: LoadGivenOptions): Promise<Loaded> {
  const choice = pickOptions<ModelChoice>(options, MODEL_CHOICE);
  const list = Symbol.iterator in Object(files) ? [...files] : files; // some can be iterated only once
  return loadFiles(() => openGivenFiles(list, choice), pickOptions<ComputeOptions>(options, COMPUTE_OPTIONS));
}

/** Loads a model from files that `open` opens, now and whenever they are needed again. */
export function loadFiles(open: () => Promise<ModelFiles>, options: ComputeOptions): Promise<Loaded> {
  const { only, memoryLimit } = options;
  checkOnly(only);
  checkMemoryLimit(memoryLimit);
  return withCheckpoint(open, only, async (checkpoint, files) => {
    options.signal?.throwIfAborted();
    return { engine: await Engine.load(checkpoint, files, options), checkpoint };
  });
}

/** Opens the same files each time, even if the branch has moved meanwhile. */
function reopening<T extends Pick<HubModelOptions, "revision" | "signal">>(
  openFiles: (options: T) => Promise<ModelFiles>,
  options: T,
): () => Promise<ModelFiles> {
  const { revision } = options;
  return async () => {
    const files = await openFiles(options);
    options = { ...options, revision: files.commit ?? revision, signal: undefined }; // the signal was for loading
    return files;
  };
}

/** The options for computing; by default, what tuning finds is kept in the cache. */
function tunedComputing(options: ComputeOptions & Pick<HubModelOptions, "cacheDir">): ComputeOptions {
  const { tuningStore = openTextStore(options.cacheDir) } = options;
  return { ...pickOptions<ComputeOptions>(options, COMPUTE_OPTIONS), tuningStore };
}

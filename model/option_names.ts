/**
 * The options that the model's methods know; the compiler checks that none is forgotten.
 *
 * @module
 */

import type { HubModelOptions, OptionNames, PushOptions, SaveOptions } from "../hub/mod.ts";
import type {
  CallOptions,
  ComputeOptions,
  DecodeOptions,
  LoadOptions,
  MemoryOptions,
  ProfileOptions,
  TuneOptions,
} from "./options.ts";

export const COMPUTE_OPTIONS: OptionNames<ComputeOptions> = {
  device: true,
  threads: true,
  dtype: true,
  memoryLimit: true,
  tuningStore: true,
  strict: true,
  signal: true,
  onProgress: true,
};

export const FILE_OPTIONS: OptionNames<HubModelOptions> = {
  subfolder: true,
  variant: true,
  revision: true,
  cacheDir: true,
  localFilesOnly: true,
  token: true,
  hubUrl: true,
  fetch: true,
  timeout: true,
  signal: true,
  onProgress: true,
};

export const LOAD_OPTIONS: OptionNames<LoadOptions> = { ...FILE_OPTIONS, ...COMPUTE_OPTIONS };

export const CALL_OPTIONS: OptionNames<Omit<CallOptions, "returnDict">> = { signal: true, onProgress: true };

export const DICT_CALL_OPTIONS: OptionNames<CallOptions> = { ...CALL_OPTIONS, returnDict: true };

export const DECODE_OPTIONS: OptionNames<DecodeOptions> = { ...DICT_CALL_OPTIONS, forceNotQuantize: true, shape: true };

export const MEMORY_OPTIONS: OptionNames<MemoryOptions> = { shape: true, method: true };

export const PROFILE_OPTIONS: OptionNames<ProfileOptions> = { rounds: true, signal: true };

export const TUNE_OPTIONS: OptionNames<TuneOptions> = { shape: true, signal: true, onProgress: true };

export const SAVE_OPTIONS: OptionNames<SaveOptions> = { maxShardSize: true };

export const PUSH_OPTIONS: OptionNames<PushOptions> = {
  commitMessage: true,
  commitDescription: true,
  subfolder: true,
  revision: true,
  createPr: true,
  private: true,
  token: true,
  hubUrl: true,
  fetch: true,
  timeout: true,
  signal: true,
};

/** Of the options of several functions, those of one. */
export function pickOptions<T extends object>(options: T, names: OptionNames<T>): T {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(names, name))) as T;
}

/**
 * The known options of the model's methods. The compiler checks that none is missing.
 *
 * @module
 */

import {
  HUB_MODEL_OPTIONS,
  MODEL_CHOICE,
  type OptionNames,
  PUSH_OPTIONS,
  type PushOptions,
  SAVE_OPTIONS,
  type SaveOptions,
  SINGLE_FILE_OPTIONS,
} from "../hub/mod.ts";
import type {
  CallOptions,
  ComputeOptions,
  DecodeOptions,
  DetokenizeOptions,
  LoadFileOptions,
  LoadGivenOptions,
  LoadOptions,
  MemoryOptions,
  ProfileOptions,
  TokenizeOptions,
  TuneOptions,
} from "./options.ts";

export const COMPUTE_OPTIONS: OptionNames<ComputeOptions> = {
  device: true,
  threads: true,
  dtype: true,
  weights: true,
  memoryLimit: true,
  only: true,
  tuningStore: true,
  strict: true,
  signal: true,
  onProgress: true,
};

export const LOAD_OPTIONS: OptionNames<LoadOptions> = { ...HUB_MODEL_OPTIONS, ...COMPUTE_OPTIONS };

export const LOAD_FILE_OPTIONS: OptionNames<LoadFileOptions> = { ...SINGLE_FILE_OPTIONS, ...COMPUTE_OPTIONS };

export const LOAD_GIVEN_OPTIONS: OptionNames<LoadGivenOptions> = { ...MODEL_CHOICE, ...COMPUTE_OPTIONS };

export const CALL_OPTIONS: OptionNames<Omit<CallOptions, "returnDict">> = { signal: true, onProgress: true };

export const TOKENIZE_OPTIONS: OptionNames<TokenizeOptions> = { ...CALL_OPTIONS, margins: true };

export const DETOKENIZE_OPTIONS: OptionNames<DetokenizeOptions> = {
  ...CALL_OPTIONS,
  editable: true,
  changed: true,
  previous: true,
};

export const DICT_CALL_OPTIONS: OptionNames<CallOptions> = { ...CALL_OPTIONS, returnDict: true };

export const DECODE_OPTIONS: OptionNames<DecodeOptions> = { ...DICT_CALL_OPTIONS, forceNotQuantize: true, shape: true };

export const MEMORY_OPTIONS: OptionNames<MemoryOptions> = { shape: true, method: true, editable: true };

export const PROFILE_OPTIONS: OptionNames<ProfileOptions> = { rounds: true, signal: true };

export const TUNE_OPTIONS: OptionNames<TuneOptions> = { shape: true, signal: true, onProgress: true };

/** One object may say how to reach the Hub for loading and pushing. */
export const PUSH_MODEL_OPTIONS: OptionNames<LoadOptions & PushOptions & SaveOptions> = {
  ...LOAD_OPTIONS,
  ...PUSH_OPTIONS,
  ...SAVE_OPTIONS,
};

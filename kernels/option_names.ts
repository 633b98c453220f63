/**
 * The known options of engines and programs. The compiler checks that none is missing.
 *
 * @module
 */

import type { OptionNames } from "./check_options.ts";
import type { PlanOptions, RunOptions, TuneOptions } from "./backend.ts";

export const PLAN_OPTIONS: OptionNames<PlanOptions> = { memoryLimit: true };

export const TUNE_OPTIONS: OptionNames<TuneOptions> = { signal: true, onProgress: true };

export const RUN_OPTIONS: OptionNames<RunOptions> = { signal: true, onProgress: true };

export const PROFILE_OPTIONS: OptionNames<Pick<RunOptions, "signal">> = { signal: true };

/**
 * What is told while a model is loaded.
 *
 * @module
 */

/**
 * A step on the way to a model's files, with all that the `progress_callback` of transformers.js reads.
 *
 * For each file: `"initiate"`; then, unless it is in the cache, `"download"` and `"progress"` again and again; then
 * `"done"`. Where the cache does instead of the network: `"offline"`, with the reason.
 */
export interface HubProgress {
  /** What happened. */
  readonly status: "initiate" | "download" | "progress" | "done" | "offline";
  /** The repository, `"owner/name"`. */
  readonly name: string;
  /** The file that it happened to, by its path in the repository; the repository for `"offline"`. */
  readonly file: string;
  /** How many percent of the file are here: 100 · `loaded` / `total`, or 0 where `total` is 0. */
  readonly progress: number;
  /** How many bytes of it are here. */
  readonly loaded: number;
  /** How many bytes it has. */
  readonly total: number;
  /** Why there is no network, for `"offline"`. */
  readonly reason?: string;
}

/** Gets told of progress. What it throws ends the loading. */
export type OnProgress = (progress: HubProgress) => void;

/** What differs from step to step. */
export type Step = Omit<HubProgress, "name" | "progress">;

/** Tells of the steps on the way to a repository's files. */
export function tellSteps(name: string, onProgress: OnProgress = () => {}): (step: Step) => void {
  return (step) => onProgress({ ...step, name, progress: step.total > 0 ? 100 * step.loaded / step.total : 0 });
}

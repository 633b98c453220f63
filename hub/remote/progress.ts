/**
 * Progress of downloads.
 *
 * @module
 */

/**
 * A step of the download of a model's files, with the fields of `progress_callback` in transformers.js.
 *
 * For each file: `"initiate"`; then, unless it is in the cache, `"download"` and repeatedly `"progress"`; then `"done"`.
 * A file of which only parts are read gets `"initiate"`, and `"progress"` with the bytes of the parts so far.
 * `"offline"`, with a reason, if the cache is used because there is no network. `"uncached"`, with a reason, before
 * `"download"` of a file that a browser does not store, and that is kept in memory.
 */
export interface HubProgress {
  /** The kind of step. */
  readonly status: "initiate" | "download" | "progress" | "done" | "offline" | "uncached";
  /** The repository, `"owner/name"`. */
  readonly name: string;
  /** Path of the file in the repository; the repository for `"offline"`. */
  readonly file: string;
  /** Percentage of the file that is downloaded: 100 · `loaded` / `total`, or 0 if `total` is 0. */
  readonly progress: number;
  /** Bytes that are downloaded. */
  readonly loaded: number;
  /** Size of the file in bytes. */
  readonly total: number;
  /** Why the network is not used, for `"offline"`; why the file is not stored, for `"uncached"`. */
  readonly reason?: string;
}

/** Called with progress. An error that it throws aborts the loading. */
export type OnProgress = (progress: HubProgress) => void;

/** The fields that differ from step to step. */
export type Step = Omit<HubProgress, "name" | "progress">;

/** Reports steps for a repository to `onProgress`. */
export function stepReporter(name: string, onProgress: OnProgress = () => {}): (step: Step) => void {
  return (step) => onProgress({ ...step, name, progress: step.total > 0 ? 100 * step.loaded / step.total : 0 });
}

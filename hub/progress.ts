/**
 * What is told while a model is loaded.
 *
 * @module
 */

/**
 * A step on the way to a model's files, as in transformers.js.
 *
 * For each file: `"initiate"`; then, unless it is in the cache, `"download"` and `"progress"` again and again; then
 * `"done"`. Where the cache does instead of the network: `"offline"`, with the reason.
 */
export interface HubProgress {
  /** What happened. */
  readonly status: "initiate" | "download" | "progress" | "done" | "offline";
  /** The file that it happened to, by its path in the repository; the repository for `"offline"`. */
  readonly file: string;
  /** How many bytes of it are here. */
  readonly loaded: number;
  /** How many bytes it has. */
  readonly total: number;
  /** Why there is no network, for `"offline"`. */
  readonly reason?: string;
}

/** Gets told of progress. What it throws ends the loading. */
export type OnProgress = (progress: HubProgress) => void;

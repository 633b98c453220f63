/**
 * What goes wrong with repositories and with weight files.
 *
 * @module
 */

import { printable, showMessage, showText } from "./show.ts";

/** What a {@linkcode HubError} keeps beside its message. */
export interface HubErrorOptions extends ErrorOptions {
  /** The HTTP status of the answer, where there was one. */
  status?: number;
  /** The address that was asked, where there was one. */
  url?: string;
  /** What the Hub calls the failure, such as `"EntryNotFound"`, where it says so. */
  errorCode?: string;
}

/**
 * A repository, on the Hub or in a local directory, could not be reached or does not hold a model: a missing directory,
 * `config.json` or component, a refused or failed request.
 */
export class HubError extends Error {
  /** @ignore */
  override readonly name = "HubError";
  /** The HTTP status of the answer, where there was one. */
  readonly status?: number;
  /** The address that was asked, where there was one. */
  readonly url?: string;
  /** What the Hub calls the failure, such as `"EntryNotFound"`, where it says so. */
  readonly errorCode?: string;

  /** An error with a message, and what it was about where that is known. */
  constructor(message: string, options: HubErrorOptions = {}) {
    super(showMessage(message), options);
    this.status = options.status;
    this.url = options.url && printable(options.url);
    this.errorCode = options.errorCode && showText(options.errorCode);
  }
}

/**
 * A weight file is missing, damaged, hostile, or of a kind that cannot be read; or a tensor was asked for that it does
 * not hold.
 */
export class WeightsError extends Error {
  /** @ignore */
  override readonly name = "WeightsError";

  /** An error with a message, and what caused it where that is known. */
  constructor(message: string, options?: ErrorOptions) {
    super(showMessage(message), options);
  }
}

/**
 * Errors about repositories and weight files.
 *
 * @module
 */

import { printable, showMessage, showText } from "./show.ts";

/** Details of a {@linkcode HubError}. */
export interface HubErrorOptions extends ErrorOptions {
  /** HTTP status of the response, if there was one. */
  status?: number;
  /** URL of the request, if there was one. */
  url?: string;
  /** The Hub's name for the failure, such as `"EntryNotFound"`, if it sent one. */
  errorCode?: string;
}

/**
 * A repository or a local directory cannot be reached or does not contain a model: a missing directory, `config.json` or
 * pipeline component, or a request that was refused or failed.
 */
export class HubError extends Error {
  /** @ignore */
  override readonly name = "HubError";
  /** HTTP status of the response, if there was one. */
  readonly status?: number;
  /** URL of the request, if there was one, without its query. */
  readonly url?: string;
  /** The Hub's name for the failure, such as `"EntryNotFound"`, if it sent one. */
  readonly errorCode?: string;

  /** Creates an error. Its message is made printable. */
  constructor(message: string, options: HubErrorOptions = {}) {
    super(showMessage(message), options);
    this.status = options.status;
    this.url = options.url && printable(options.url);
    this.errorCode = options.errorCode && showText(options.errorCode);
  }
}

/**
 * A weight file is missing, damaged, malicious or in an unsupported format, or does not contain a tensor that was
 * requested.
 */
export class WeightsError extends Error {
  /** @ignore */
  override readonly name = "WeightsError";

  /** Creates an error. Its message is made printable. */
  constructor(message: string, options?: ErrorOptions) {
    super(showMessage(message), options);
  }
}

/**
 * Errors about configurations.
 *
 * @module
 */

import { showMessage } from "../../hub/show.ts";

/**
 * `config.json` does not describe a model that can be built. The message names the key, its value, and what is allowed.
 */
export class ConfigError extends Error {
  /** @ignore */
  override readonly name = "ConfigError";

  /** An error with a message, and what caused it where that is known. */
  constructor(message: string, options?: ErrorOptions) {
    super(showMessage(message), options);
  }
}

/** `config.json` does not describe a model that can be built. The message names the key, its value, and what is allowed. */
export class ConfigError extends Error {
  /** @ignore */
  override readonly name = "ConfigError";
}

/**
 * Looking into configurations of unknown form.
 *
 * @module
 */

/** The value at the end of a path of keys, if every object on it is there. */
export function field(configuration: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => {
    const isObject = typeof value === "object" && value !== null && Object.hasOwn(value, key);
    return isObject ? (value as Record<string, unknown>)[key] : undefined;
  }, configuration);
}

/**
 * Checks that options objects hold no unknown options.
 *
 * The hub, which knows no kernels, has a check of its own, which also suggests the name that was meant. The model uses that
 * one; here the known names are few, so the message lists them.
 *
 * @module
 */

/** Every option of an interface: a missing or extra name is a type error. */
export type OptionNames<T> = { readonly [Name in keyof T]-?: true };

/**
 * Checks an options object. Options that are `undefined` count as absent.
 *
 * @param action what the options are for, as in `Cannot run program: …`
 * @param options `undefined` for none
 * @throws {TypeError} if `options` is not an object, or holds an option that is not one of `names`
 */
export function checkOptions(action: string, options: unknown, names: Readonly<Record<string, true>>): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot ${action}: expected an object of options, found ${options}`);
  }
  const unknown = Object.entries(options).find(([name, value]) => value !== undefined && !Object.hasOwn(names, name));
  if (!unknown) return;
  const known = Object.keys(names).join(", ");
  throw new TypeError(`Cannot ${action}: unknown option ${JSON.stringify(unknown[0])}; expected one of ${known}`);
}

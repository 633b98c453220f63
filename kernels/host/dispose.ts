/**
 * The name of the method for `using`.
 *
 * @module
 */

/** `Symbol.dispose`, or where the runtime has none the symbol that compilers of `using` look for then. */
export const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");

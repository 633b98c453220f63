/**
 * Checks that options objects hold no unknown options.
 *
 * @module
 */

import { show } from "./show.ts";

/** Every option of an interface: a missing or extra name is a type error. */
export type OptionNames<T> = { readonly [Name in keyof T]-?: true };

/** Largest number of edits between a misspelled name and the known one. */
const MAX_EDITS = 2;
/** Shorter names do not match as parts of longer ones. */
const MIN_PART_LENGTH = 4;
/** Longest part of an unknown name in a message, in characters, with its quotation marks. */
const MAX_SHOWN = 100;

/**
 * Checks an options object. Options that are `undefined` count as absent.
 *
 * @param action what the options are for, as in `Cannot encode: …`
 * @param options `undefined` for none
 * @param names the known options
 * @throws {TypeError} if `options` is not an object, or holds an unknown option; the message names the nearest known one
 *
 * @example
 * ```ts
 * import { checkOptions, type OptionNames } from "@codebook/vqmodel/hub";
 * import { assertThrows } from "@std/assert";
 *
 * interface ResizeOptions {
 *   height?: number;
 *   doResize?: boolean;
 * }
 * const NAMES: OptionNames<ResizeOptions> = { height: true, doResize: true };
 *
 * assertThrows(() => checkOptions("resize", { do_resize: false }, NAMES), TypeError, 'did you mean "doResize"?');
 * ```
 */
export function checkOptions(action: string, options: unknown, names: Readonly<Record<string, true>>): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`Cannot ${action}: expected an object of options, found ${kindOf(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !Object.hasOwn(names, name)) refuse(action, name, Object.keys(names));
  }
}

/** The options with some names, for a function that refuses other ones. */
export function pickOptions<T extends object>(options: T, names: OptionNames<T>): T {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(names, name))) as T;
}

function refuse(action: string, name: string, known: readonly string[]): never {
  const nearest = nearestName(name, known);
  const advice = nearest === undefined ? `expected one of ${known.join(", ")}` : `did you mean "${nearest}"?`;
  throw new TypeError(`Cannot ${action}: unknown option ${show(name, MAX_SHOWN)}; ${advice}`);
}

/** What was passed instead of options. The value itself is not shown: it may be a token. */
function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

/**
 * The known name that resembles an unknown one most, such as the correct spelling of a misspelled option; `undefined` if
 * none does. Hyphens, underscores and upper case make no difference.
 *
 * @example
 * ```ts
 * import { nearestName } from "@codebook/vqmodel";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nearestName("memory_limit", ["device", "memoryLimit"]), "memoryLimit");
 * ```
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const written = plain(name);
  const ranked = known.map((candidate) => ({ candidate, edits: editsBetween(written, plain(candidate)) }));
  const [best] = ranked.sort((a, b) => a.edits - b.edits);
  if (best !== undefined && best.edits <= Math.min(MAX_EDITS, written.length / 2)) return best.candidate;
  return known.find((candidate) => isPartOf(written, plain(candidate)) || isPartOf(plain(candidate), written));
}

/** A name as compared: `do_normalize`, `do-normalize` and `doNormalize` are the same. */
function plain(name: string): string {
  return name.replaceAll(/[_-]/g, "").toLowerCase();
}

/** Whether a name is contained in a longer one, as `dtype` is in `torch_dtype`. */
function isPartOf(part: string, whole: string): boolean {
  return part.length >= MIN_PART_LENGTH && whole.includes(part);
}

/** The Levenshtein distance, or infinity where the lengths alone differ by too much. */
function editsBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MAX_EDITS) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}

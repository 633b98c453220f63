/**
 * Untrusted text and values for error messages: shortened, on one line, without control characters and secrets.
 *
 * Beside `mod.ts`, this is the only file that code outside of `hub/` imports. It imports nothing itself, so that the picture
 * workers' program does not include the rest.
 *
 * @module
 */

/** Longest text or value in a message, in characters. */
const MAX_LENGTH = 200;
/** Longest message, which may hold a list, in characters. */
const MAX_MESSAGE_LENGTH = 10_000;
/** Values nested deeper are not shown. */
const MAX_DEPTH = 4;
/** Characters past the cut that are searched for secrets: longer than any token. */
const LOOKAHEAD = 1000;
/** Longest chain of causes that is copied. */
const MAX_CAUSES = 5;

/** Control, format and unpaired surrogate characters, and line separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** A URL: scheme, credentials, host and path, then query or fragment. */
const ADDRESS = /\b([a-z][a-z0-9+.-]{1,15}:\/\/)(?:[^\s/?#]*@)?([^\s?#"'<>)]*)([?#][^\s"'<>)]*)?/gi;

/** Removing shorter secrets would make messages unreadable. */
const MIN_SECRET_LENGTH = 4;

const secrets = new Set<string>();

/** Removes a text, such as an access token, from every later message: a server may repeat it in its response. */
export function keepSecret(text: string): void {
  if (text.length >= MIN_SECRET_LENGTH) secrets.add(text);
}

/**
 * Makes untrusted text, such as the name of a file, safe for a terminal or a log: escapes control and invisible characters
 * and removes access tokens that were used. URLs keep their host and path only, since the query of a signed URL is a key.
 * The messages of this library's errors are printable already.
 *
 * @example
 * ```ts
 * import { printable } from "@codebook/vqmodel";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(printable("name\x1b[2J"), "name\\x1b[2J");
 * assertEquals(printable("https://me:word@example.com/file?Signature=key"), "https://example.com/file?…");
 * ```
 */
export function printable(text: string): string {
  for (const secret of secrets) text = text.replaceAll(secret, "…");
  return text
    .replace(ADDRESS, (_, scheme, place, rest) => scheme + place + (rest ? `${rest[0]}…` : ""))
    .replace(UNPRINTABLE, escapeCharacter);
}

/** Untrusted text, such as a name from a file, for a message. */
export function showText(text: string, maxLength = MAX_LENGTH): string {
  const start = text.slice(0, maxLength + LOOKAHEAD);
  return shorten(printable(start) + (start.length < text.length ? "…" : ""), maxLength);
}

/** A whole error message, parts of which may be untrusted. */
export function showMessage(message: string): string {
  return showText(message, MAX_MESSAGE_LENGTH);
}

/** An untrusted value for a message, like JSON. Large values cost no more time than what is shown of them. */
export function show(value: unknown, maxLength = MAX_LENGTH): string {
  let text = "";
  for (const piece of piecesOf(value, MAX_DEPTH)) {
    text += piece;
    if (text.length > maxLength) break;
  }
  return shorten(text, maxLength);
}

/** The message of a thrown value. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/**
 * A copy of an error from a request, for use as a `cause`, which runtimes print: name, code and printable messages, without
 * other fields, which may hold a signed URL or the token.
 */
export function publicCause(thrown: unknown, maxCauses = MAX_CAUSES): Error {
  const { name = "Error", code, cause } = thrown instanceof Error ? thrown as Error & { code?: unknown } : {};
  const isLast = cause === undefined || maxCauses <= 1;
  const copy = new Error(publicReasonOf(thrown), isLast ? {} : { cause: publicCause(cause, maxCauses - 1) });
  return Object.assign(copy, { name }, typeof code === "string" && { code });
}

/** The message of an error from a request, with the queries of URLs removed. */
export function publicReasonOf(thrown: unknown): string {
  return showText(reasonOf(thrown).replace(/\?[^\s)]*/g, "?…"));
}

function* piecesOf(value: unknown, depth: number): Generator<string> {
  if (typeof value === "string") {
    yield `"${showText(value).replaceAll('"', '\\"')}"`;
  } else if (Array.isArray(value) || ArrayBuffer.isView(value) && "length" in value) {
    yield* listOf(value as ArrayLike<unknown>, depth);
  } else if (isPlainObject(value)) {
    yield* fieldsOf(value, depth);
  } else if (value === null || ["number", "bigint", "boolean", "undefined"].includes(typeof value)) {
    yield String(value);
  } else {
    yield showText(Object.prototype.toString.call(value));
  }
}

function* listOf(list: ArrayLike<unknown>, depth: number): Generator<string> {
  if (depth === 0 && list.length > 0) return yield "[…]";
  yield "[";
  for (let i = 0; i < list.length; i++) {
    if (i > 0) yield ",";
    yield* piecesOf(list[i], depth - 1);
  }
  yield "]";
}

function* fieldsOf(object: Record<string, unknown>, depth: number): Generator<string> {
  if (depth === 0) return yield "{…}";
  let separator = "{";
  for (const key in object) {
    yield separator;
    yield* piecesOf(key, depth);
    yield ":";
    yield* piecesOf(object[key], depth - 1);
    separator = ",";
  }
  yield separator === "{" ? "{}" : "}";
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function shorten(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength).replace(/[\ud800-\udbff]$/, "")}…` : text;
}

function escapeCharacter(character: string): string {
  if (character === "\n") return "\\n";
  const code = character.codePointAt(0)!.toString(16);
  return code.length > 2 ? `\\u{${code}}` : `\\x${code.padStart(2, "0")}`;
}

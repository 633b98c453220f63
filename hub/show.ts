/**
 * What others wrote, as it may appear in a message: shortened, on one line, without characters that a terminal obeys, and
 * without what must stay secret.
 *
 * @module
 */

/** How much of one text or value a message shows. */
const MOST = 200;
/** How much of a message, which may list a great deal, is kept. */
const MOST_OF_MESSAGE = 10_000;
/** Values that lie deeper in each other are not shown. */
const DEEPEST = 4;
/** How far beyond what is shown a text is looked at: longer than tokens are. */
const BEYOND = 1000;

/** Control characters, invisible ones, those that turn the direction of writing, ends of lines, halves of pairs. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** An address: a name and a password, host and path, what follows them. */
const ADDRESS = /\b([a-z][a-z0-9+.-]{1,15}:\/\/)(?:[^\s/?#]*@)?([^\s?#"'<>)]*)([?#][^\s"'<>)]*)?/gi;

/** Shorter ones would leave holes in every message. */
const SHORTEST_SECRET = 4;

const secrets = new Set<string>();

/** Keeps a text, such as a token, out of every message from now on: whoever is sent it may send it back. */
export function keepSecret(text: string): void {
  if (text.length >= SHORTEST_SECRET) secrets.add(text);
}

/**
 * A text that others wrote, such as the name of a file, in a form that is safe on a terminal and in a log: control and
 * invisible characters escaped, tokens that requests were made with left out, and of addresses no more than host and path,
 * since what follows is a key in signed ones. The messages of this library's own errors went through it.
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

/** A text that others wrote, such as a name from a file, for a message. */
export function showText(text: string, most = MOST): string {
  const start = text.slice(0, most + BEYOND);
  return shorten(printable(start) + (start.length < text.length ? "…" : ""), most);
}

/** The message of an error: what a message may hold, whoever wrote parts of it. */
export function showMessage(message: string): string {
  return showText(message, MOST_OF_MESSAGE);
}

/** A value that others wrote, for a message: like JSON, shortened however large it is. */
export function show(value: unknown, most = MOST): string {
  let text = "";
  for (const piece of piecesOf(value, DEEPEST)) {
    text += piece;
    if (text.length > most) break;
  }
  return shorten(text, most);
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

function shorten(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most).replace(/[\ud800-\udbff]$/, "")}…` : text;
}

function escapeCharacter(character: string): string {
  if (character === "\n") return "\\n";
  const code = character.codePointAt(0)!.toString(16);
  return code.length > 2 ? `\\u{${code}}` : `\\x${code.padStart(2, "0")}`;
}

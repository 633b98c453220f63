/**
 * Parses untrusted JSON in bounded time and memory.
 *
 * @module
 */

import { printable, reasonOf } from "../show.ts";

/** A class of errors, such as `TypeError`. */
export type ErrorClass = new (message: string, options?: ErrorOptions) => Error;

/** Largest text in bytes: the limit of the header of a safetensors file. */
export const MAX_JSON_SIZE = 100_000_000;
/** Most arrays, objects and strings, keys included: about 60,000 tensors. Numbers take little more memory than their text. */
const MAX_PARTS = 500_000;
/** Deeper nesting could overflow the stack of recursive functions. */
const MAX_DEPTH = 64;

const QUOTE = 0x22, BACKSLASH = 0x5c;
const SPACES = [0x20, 0x09, 0x0d, 0x0a];
/** An opening brace or bracket: they differ in one bit. */
const isOpening = (byte: number) => (byte | 0x20) === 0x7b;
const isClosing = (byte: number) => (byte | 0x20) === 0x7d;

/**
 * Parses untrusted JSON in UTF-8: at most 100 MB, nested at most 64 deep.
 *
 * @param task start of messages, such as `Cannot read NAME`
 * @param Failure class of the error that is thrown if the text is not JSON, or exceeds a limit
 */
export function parseJson(bytes: Uint8Array, task: string, Failure: ErrorClass): unknown {
  checkJson(bytes, task, Failure);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const cause = new SyntaxError(printable(reasonOf(error))); // the text's own characters are in it
    throw new Failure(`${task}: expected JSON in UTF-8, found: ${cause.message}`, { cause });
  }
}

/** Checks that a text, which need not be valid JSON, stays within the limits. */
export function checkJson(bytes: Uint8Array, task: string, Failure: ErrorClass): void {
  if (bytes.length > MAX_JSON_SIZE) {
    throw new Failure(`${task}: expected JSON of at most ${MAX_JSON_SIZE} bytes, found ${bytes.length}`);
  }
  let parts = 0;
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      parts++;
      at = endOfString(bytes, at);
    } else if (isOpening(byte)) {
      parts++;
      depth++;
    } else if (isClosing(byte)) {
      depth--;
    }
    if (depth > MAX_DEPTH) throw new Failure(`${task}: expected JSON nested at most ${MAX_DEPTH} deep, found more`);
    if (parts > MAX_PARTS) {
      throw new Failure(`${task}: expected JSON of at most ${MAX_PARTS} arrays, objects and strings, found more`);
    }
  }
}

/** Whether a JSON value is an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Finds a key that occurs twice in the outermost object of a JSON text or in an object directly inside it: `JSON.parse`
 * silently keeps the last one. The text must be valid JSON.
 */
export function findDuplicateKey(bytes: Uint8Array): string | undefined {
  const utf8 = new TextDecoder();
  const keys = [new Set<string>(), new Set<string>()];
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (isOpening(byte)) {
      keys[depth++]?.clear();
    } else if (isClosing(byte)) {
      depth--;
    } else if (byte === QUOTE) {
      const end = endOfString(bytes, at);
      if (depth <= 2 && isKey(bytes, end + 1)) {
        const key = JSON.parse(utf8.decode(bytes.subarray(at, end + 1)));
        if (keys[depth - 1].has(key)) return key;
        keys[depth - 1].add(key);
      }
      at = end;
    }
  }
}

/** Offset of the closing quote of the string that starts at `start`; past the end of the text if there is none. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

function isKey(bytes: Uint8Array, end: number): boolean {
  while (SPACES.includes(bytes[end])) end++;
  return bytes[end] === 0x3a;
}

/**
 * Reading JSON that others wrote, in time and memory that its bytes pay for.
 *
 * @module
 */

import { printable, reasonOf } from "../show.ts";

/** A class of errors, such as `TypeError`. */
export type ErrorClass = new (message: string, options?: ErrorOptions) => Error;

/** The longest text that is read, in bytes: as long as the header of a safetensors file may be. */
export const LARGEST_JSON = 100_000_000;
/** Arrays, objects and strings, keys among them, in a text: some 60,000 tensors have as many. Numbers pay for themselves. */
const MOST_PARTS = 500_000;
/** What is nested deeper makes functions that call themselves run out of stack. */
const DEEPEST = 64;

const QUOTE = 0x22, BACKSLASH = 0x5c;
const SPACES = [0x20, 0x09, 0x0d, 0x0a];
/** A brace, or the bracket that differs from it in one bit. */
const isOpening = (byte: number) => (byte | 0x20) === 0x7b;
const isClosing = (byte: number) => (byte | 0x20) === 0x7d;

/**
 * The value of a JSON text in UTF-8.
 *
 * @param task what messages begin with, such as `Cannot read NAME`
 * @param Failure the error to throw where it is none, or larger or nested deeper than anything that is read here
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

/** Checks that a text, which need not be JSON, takes no more to parse than is allowed. */
export function checkJson(bytes: Uint8Array, task: string, Failure: ErrorClass): void {
  if (bytes.length > LARGEST_JSON) {
    throw new Failure(`${task}: expected JSON of at most ${LARGEST_JSON} bytes, found ${bytes.length}`);
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
    if (depth > DEEPEST) throw new Failure(`${task}: expected JSON nested at most ${DEEPEST} deep, found more`);
    if (parts > MOST_PARTS) {
      throw new Failure(`${task}: expected JSON of at most ${MOST_PARTS} arrays, objects and strings, found more`);
    }
  }
}

/** Whether a JSON value is an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A key that the outermost object of a JSON text, or an object right inside it, has twice: `JSON.parse` keeps the last
 * one silently. The text must be valid JSON.
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

/** Where the quote is that ends the string whose first one is at `start`; beyond the text where there is none. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

function isKey(bytes: Uint8Array, end: number): boolean {
  while (SPACES.includes(bytes[end])) end++;
  return bytes[end] === 0x3a;
}

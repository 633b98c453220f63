/**
 * Reading JSON that others wrote.
 *
 * @module
 */

import { reasonOf } from "./errors.ts";

/**
 * The value of a JSON text in UTF-8.
 *
 * @param Failure the error to throw where it is none
 */
export function parseJson(
  bytes: Uint8Array,
  name: string,
  Failure: new (message: string, options: ErrorOptions) => Error,
): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new Failure(`Cannot read ${name}: expected JSON in UTF-8, found: ${reasonOf(cause)}`, { cause });
  }
}

/** Whether a JSON value is an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A key that the outermost object of a JSON text, or an object right inside it, has twice: `JSON.parse` keeps the last
 * one silently. `text` must be valid JSON.
 */
export function findDuplicateKey(text: string): string | undefined {
  const keys: Set<string>[] = [];
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "{" || character === "[") {
      if (++depth <= 2) keys[depth] = new Set();
    } else if (character === "}" || character === "]") {
      depth--;
    } else if (character === '"') {
      const end = endOfString(text, at);
      if (depth <= 2 && isKey(text, end)) {
        const key = JSON.parse(text.slice(at, end));
        if (keys[depth].has(key)) return key;
        keys[depth].add(key);
      }
      at = end - 1;
    }
  }
}

/** Where the string that starts at `start` is over. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function isKey(text: string, end: number): boolean {
  while (" \t\r\n".includes(text[end])) end++;
  return text[end] === ":";
}

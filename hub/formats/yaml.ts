/**
 * Parses untrusted YAML in bounded time and memory.
 *
 * @module
 */

import type { YAMLError } from "yaml";
import { printable, reasonOf } from "../show.ts";
import { type ErrorClass, parseJson } from "./json.ts";

/** Largest text in bytes; usual configurations have a few thousand. The parser takes quadratic time for some texts. */
const MAX_YAML_SIZE = 100_000;
/** Most nodes that aliases may stand for, for each of them. */
const MAX_ALIAS_COUNT = 100;

/**
 * Parses untrusted YAML in UTF-8, of at most 100 kB, to the values that JSON has. Tags that YAML does not define are
 * ignored.
 *
 * @param task start of messages, such as `Cannot read NAME`
 * @param Failure class of the error that is thrown if the text is not YAML, or exceeds a limit
 */
export async function parseYaml(bytes: Uint8Array, task: string, Failure: ErrorClass): Promise<unknown> {
  if (bytes.length > MAX_YAML_SIZE) {
    throw new Failure(`${task}: expected YAML of at most ${MAX_YAML_SIZE} bytes, found ${bytes.length}`);
  }
  const { parseDocument } = await import("yaml"); // checkpoints of Diffusers need none
  let json: string;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false, logLevel: "silent" });
    if (document.errors.length > 0) throw document.errors[0];
    json = JSON.stringify(document.toJS({ maxAliasCount: MAX_ALIAS_COUNT })); // refuses aliases in a circle
  } catch (error) {
    const isTooDeep = error instanceof RangeError || (error as YAMLError).code === "RESOURCE_EXHAUSTION";
    const cause = new SyntaxError(isTooDeep ? "values nested too deeply" : printable(reasonOf(error))); // which quotes it
    throw new Failure(`${task}: expected YAML in UTF-8, found: ${cause.message}`, { cause });
  }
  return parseJson(new TextEncoder().encode(json), task, Failure);
}

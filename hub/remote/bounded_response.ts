/**
 * Responses as the package `@huggingface/hub` gets them: bounded and checked.
 *
 * @module
 */

import { HubError } from "../errors.ts";
import { publicCause, publicReasonOf } from "../show.ts";
import { checkJson } from "../formats/json.ts";
import { chunksOf } from "../system/streams.ts";
import { UnreachableError } from "./retry.ts";

/** Bytes; a page of a list of files has a few hundred kilobytes. */
const MAX_RESPONSE_SIZE = 10_000_000;

/**
 * Bounds what `json()` of a response reads. Error responses lose their body, which the package would put into a message.
 *
 * @param task start of messages
 */
export async function boundedResponse(response: Response, task: string): Promise<Response> {
  if (!response.ok) {
    await response.body?.cancel();
    return new Response(null, { status: response.status });
  }
  const json = async () => {
    const bytes = await readBody(response, task);
    checkJson(bytes, task, HubError);
    const text = new TextDecoder().decode(bytes);
    if (/^\s*</.test(text)) {
      const problem = "expected JSON, found a web page. Check that hubUrl is the address of a Hub";
      throw new UnreachableError(`${task}: ${problem}`, { retryAfter: Infinity });
    }
    return JSON.parse(text); // a truncated response throws a SyntaxError, not a HubError, and is retried
  };
  return Object.defineProperty(response, "json", { value: json });
}

/**
 * Reads the body of a response.
 *
 * @param maxSize most bytes
 * @throws {UnreachableError} if it breaks off
 * @throws {HubError} if it is too large
 */
export async function readBody(response: Response, task: string, maxSize = MAX_RESPONSE_SIZE): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of response.body ? chunksOf(response.body) : []) {
      parts.push(part);
      size += part.length;
      if (size > maxSize) {
        throw new HubError(`${task}: expected a response of at most ${maxSize} bytes, found more`);
      }
    }
  } catch (error) {
    if (error instanceof HubError) throw error;
    throw new UnreachableError(`${task}: the response broke off; ${publicReasonOf(error)}`, {
      cause: publicCause(error),
    });
  }
  const whole = new Uint8Array(size);
  for (const part of parts.reverse()) whole.set(part, size -= part.length);
  return whole;
}

/**
 * What the package `@huggingface/hub` gets to read of answers.
 *
 * @module
 */

import { HubError } from "../errors.ts";
import { publicCause, publicReasonOf } from "../show.ts";
import { checkJson } from "../formats/json.ts";
import { UnreachableError } from "./retry.ts";

/** A page of a list has some hundred kilobytes. */
const LARGEST_ANSWER = 10_000_000;

/**
 * An answer with a `json` that reads no more than any honest one has. Of refusals there is nothing to read: what they say
 * would become a message.
 *
 * @param task what messages begin with
 */
export async function boundedAnswer(response: Response, task: string): Promise<Response> {
  if (!response.ok) {
    await response.body?.cancel();
    return new Response(null, { status: response.status });
  }
  const json = async () => {
    const bytes = await readAnswer(response, task);
    checkJson(bytes, task, HubError);
    const text = new TextDecoder().decode(bytes);
    if (/^\s*</.test(text)) {
      const problem = "expected JSON, found a web page. Check that hubUrl is the address of a Hub";
      throw new UnreachableError(`${task}: ${problem}`, { retryAfter: Infinity });
    }
    return JSON.parse(text); // what broke off is worth another attempt: no HubError
  };
  return Object.defineProperty(response, "json", { value: json });
}

async function readAnswer(response: Response, task: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of response.body ?? []) {
      parts.push(part);
      size += part.length;
      if (size > LARGEST_ANSWER) {
        throw new HubError(`${task}: expected an answer of at most ${LARGEST_ANSWER} bytes, found more`);
      }
    }
  } catch (error) {
    if (error instanceof HubError) throw error;
    throw new UnreachableError(`${task}: the answer broke off; ${publicReasonOf(error)}`, {
      cause: publicCause(error),
    });
  }
  const whole = new Uint8Array(size);
  for (const part of parts.reverse()) whole.set(part, size -= part.length);
  return whole;
}

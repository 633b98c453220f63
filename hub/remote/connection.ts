/**
 * Requests to the Hub, and to where it sends us. The token goes to the Hub alone.
 *
 * @module
 */

import { boundedAnswer } from "./answer.ts";
import { HubError } from "../errors.ts";
import { type Asked, failureOf, withoutQuery } from "./explain.ts";
import { addressFrom, parseHubUrl } from "./hub_url.ts";
import { isRefusal } from "../system/system_errors.ts";
import { RETRIES_AT_NOBODY, UnreachableError } from "./retry.ts";
import { keepSecret, publicCause, publicReasonOf, showText } from "../show.ts";

/** Who asks whom, and how. */
export interface ConnectionOptions extends Asked {
  readonly token?: string;
  readonly fetch: typeof fetch;
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
}

/** An answer, and where it is from in the end. */
export interface Answer {
  readonly response: Response;
  readonly url: URL;
}

/** A way to the Hub. */
export interface Connection extends ConnectionOptions {
  /**
   * Makes a request and follows redirects; with `redirect: "manual"`, only those that stay at the Hub.
   *
   * @throws {UnreachableError} if there is no answer
   */
  send(url: string, init?: RequestInit): Promise<Answer>;
  /**
   * The same in the shape of `fetch`, for the package `@huggingface/hub`, which needs no token then. Refusals of the Hub
   * itself are thrown as {@linkcode HubError}.
   */
  readonly ask: typeof fetch;
}

const REDIRECTS = [301, 302, 303, 307, 308];
const MOST_REDIRECTS = 10;

/**
 * Prepares requests.
 *
 * @throws {HubError} if the Hub's address or the token cannot be one
 */
export function connect(options: ConnectionOptions): Connection {
  const { hubUrl, authorization: basic } = parseHubUrl(options.hubUrl);
  const asked = { ...options, hubUrl };
  const { token, action, repo } = asked;
  const hub = new URL(hubUrl);
  const task = `Cannot ${action} ${repo}`;
  if (token) {
    keepSecret(token);
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new HubError(`Cannot use the token from ${asked.tokenSource}: it holds spaces or other strange characters`);
    }
  }
  const authorization = token ? `Bearer ${token}` : basic;

  let wasAnswered = false;

  async function send(address: string, init: RequestInit = {}): Promise<Answer> {
    let url = addressFrom(address, hub, task);
    const headers = new Headers(init.headers);
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      if (url.origin === hub.origin) {
        if (authorization) headers.set("authorization", authorization);
        else headers.delete("authorization");
      }
      const response = await answerTo(url, { ...init, headers });
      const location = REDIRECTS.includes(response.status) ? response.headers.get("location") : null;
      if (!location) return { response, url };

      await response.body?.cancel();
      const next = addressFrom(location, url, task);
      if (init.redirect === "manual" && next.origin !== hub.origin) return { response, url };
      if (next.origin !== url.origin) headers.delete("authorization");
      url = next;
    }
    throw new HubError(`${task}: it redirects without end`, { url: withoutQuery(hub) });
  }

  /** One request, no redirect followed: that would take the headers along. */
  async function answerTo(url: URL, init: RequestInit): Promise<Response> {
    const isUpload = init.body !== undefined; // may take as long as it takes
    const late = new AbortController();
    const timer = isUpload ? undefined : setTimeout(() => {
      late.abort(new Error(`no answer within ${asked.timeout / 1000} s`));
    }, asked.timeout);
    const signals = [late.signal, init.signal, asked.signal].filter((signal) => signal instanceof AbortSignal);
    try {
      const response = await asked.fetch(url, { ...init, redirect: "manual", signal: AbortSignal.any(signals) });
      wasAnswered = true;
      return response;
    } catch (error) {
      asked.signal?.throwIfAborted();
      const reason = publicReasonOf((error as Error).cause ?? error); // "fetch failed" for a reason, which is its cause
      const isLate = signals.some(({ aborted }) => aborted);
      throw new UnreachableError(`${task}: ${showText(url.origin)} cannot be reached; ${reason}`, {
        url: withoutQuery(url),
        cause: publicCause(error),
        retryAfter: isRefusal(error) ? Infinity : undefined,
        retries: wasAnswered || isLate ? undefined : RETRIES_AT_NOBODY,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  async function ask(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const address = addressFrom(input instanceof Request ? input.url : `${input}`, hub, task);
    // What the Hub itself answers is short: it may take that long to begin, and as long to end.
    const deadline = address.origin === hub.origin && !init?.body ? [AbortSignal.timeout(2 * asked.timeout)] : [];
    const signal = AbortSignal.any([...deadline, ...(init?.signal ? [init.signal] : [])]);
    const { response, url } = await send(address.href, { ...init, signal });
    if (!response.ok && url.origin === hub.origin) throw await failureOf(response, url, asked);
    return await boundedAnswer(response, task);
  }

  return { ...asked, send, ask };
}

/**
 * Requests to the Hub, and to where it sends us. The token goes to the Hub alone.
 *
 * @module
 */

import { HubError } from "./errors.ts";
import { type Asked, failureOf, publicReasonOf, withoutQuery } from "./explain.ts";
import { isRefusal } from "./permissions.ts";
import { RETRIES_AT_NOBODY, UnreachableError } from "./retry.ts";

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
  const hub = parseHubUrl(options.hubUrl);
  if (options.token && !/^[\x21-\x7e]+$/.test(options.token)) {
    throw new HubError(`Cannot use the token from ${options.tokenSource}: it holds spaces or other strange characters`);
  }

  let wasAnswered = false;

  async function send(address: string, init: RequestInit = {}): Promise<Answer> {
    let url = new URL(address);
    const headers = new Headers(init.headers);
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      if (url.origin === hub.origin) {
        if (options.token) headers.set("authorization", `Bearer ${options.token}`);
        else headers.delete("authorization");
      }
      const response = await answerTo(url, { ...init, headers });
      const location = REDIRECTS.includes(response.status) ? response.headers.get("location") : null;
      if (!location) return { response, url };

      const next = new URL(location, url);
      if (init.redirect === "manual" && next.origin !== hub.origin) return { response, url };
      await response.body?.cancel();
      if (next.origin !== url.origin) headers.delete("authorization");
      url = next;
    }
    throw new HubError(`Cannot ${options.action} ${options.repo}: it redirects without end`, { url: address });
  }

  /** One request, no redirect followed: that would take the headers along. */
  async function answerTo(url: URL, init: RequestInit): Promise<Response> {
    const isUpload = init.body !== undefined; // may take as long as it takes
    const late = new AbortController();
    const timer = isUpload ? undefined : setTimeout(() => {
      late.abort(new Error(`no answer within ${options.timeout / 1000} s`));
    }, options.timeout);
    const signals = [late.signal, init.signal, options.signal].filter((signal) => signal instanceof AbortSignal);
    try {
      const response = await options.fetch(url, { ...init, redirect: "manual", signal: AbortSignal.any(signals) });
      wasAnswered = true;
      return response;
    } catch (cause) {
      options.signal?.throwIfAborted();
      const reason = publicReasonOf((cause as Error).cause ?? cause); // "fetch failed" for a reason, which is its cause
      const isLate = signals.some(({ aborted }) => aborted);
      throw new UnreachableError(
        `Cannot ${options.action} ${options.repo}: ${url.origin} cannot be reached; ${reason}`,
        {
          url: withoutQuery(url),
          cause,
          retryAfter: isRefusal(cause) ? Infinity : undefined,
          retries: wasAnswered || isLate ? undefined : RETRIES_AT_NOBODY,
        },
      );
    } finally {
      clearTimeout(timer);
    }
  }

  async function ask(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const address = new URL(input instanceof Request ? input.url : input);
    // What the Hub itself answers is short: it may take that long to begin, and as long to end.
    const deadline = address.origin === hub.origin && !init?.body ? [AbortSignal.timeout(2 * options.timeout)] : [];
    const signal = AbortSignal.any([...deadline, ...(init?.signal ? [init.signal] : [])]);
    const { response, url } = await send(address.href, { ...init, signal });
    if (!response.ok && url.origin === hub.origin) throw await failureOf(response, url, options);
    return response;
  }

  return { ...options, send, ask };
}

/** An address without slashes at its end, so that paths can be put after it. */
export function trimHubUrl(hubUrl: string): string {
  return hubUrl.replace(/\/+$/, "");
}

function parseHubUrl(hubUrl: string): URL {
  if (!/^https?:\/\//.test(hubUrl) || !URL.canParse(hubUrl)) {
    throw new HubError(`Cannot use hubUrl ${JSON.stringify(hubUrl)}: expected the address of a Hub, with https://`);
  }
  return new URL(hubUrl);
}

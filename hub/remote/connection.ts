/**
 * Requests to the Hub and to hosts it redirects to. The token is sent to the Hub only.
 *
 * @module
 */

import { boundedResponse } from "./bounded_response.ts";
import { HubError } from "../errors.ts";
import { explainBlocked, failureOf, type RequestContext, withoutQuery } from "./explain.ts";
import { parseHubUrl, resolveUrl } from "./hub_url.ts";
import { hasFileSystem } from "../system/read_file.ts";
import { isRefusal } from "../system/system_errors.ts";
import { RETRIES_WITHOUT_RESPONSE, UnreachableError } from "./retry.ts";
import { keepSecret, publicCause, publicReasonOf, showText } from "../show.ts";

/** Options of {@linkcode connect}. */
export interface ConnectionOptions extends RequestContext {
  readonly token?: string;
  readonly fetch: typeof fetch;
  /** Milliseconds without a byte after which a connection is considered broken. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
}

/** A response, and its URL after redirects. */
export interface FinalResponse {
  readonly response: Response;
  readonly url: URL;
}

/** A connection to the Hub. */
export interface Connection extends ConnectionOptions {
  /**
   * Makes a request and follows redirects; with `redirect: "manual"`, only those to the Hub itself.
   *
   * @throws {UnreachableError} if there is no response
   */
  send(url: string, init?: RequestInit): Promise<FinalResponse>;
  /**
   * The same as a `fetch` for the package `@huggingface/hub`, which then needs no token. Error responses of the Hub are
   * thrown as {@linkcode HubError}.
   */
  readonly ask: typeof fetch;
}

const REDIRECTS = [301, 302, 303, 307, 308];
const MAX_REDIRECTS = 10;

/** In a browser, the cache is this library's own: the browser's would store weights a second time. */
const REQUEST_MODE: RequestInit = hasFileSystem() ? { redirect: "manual" } : { redirect: "follow", cache: "no-store" };

/**
 * Opens a connection. Makes no request yet.
 *
 * @throws {HubError} if the Hub's URL or the token is not valid
 */
export function connect(options: ConnectionOptions): Connection {
  const { hubUrl, authorization: basic } = parseHubUrl(options.hubUrl);
  const context = { ...options, hubUrl };
  const { token, action, repo } = context;
  const hub = new URL(hubUrl);
  const task = `Cannot ${action} ${repo}`;
  if (token) {
    keepSecret(token);
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new HubError(
        `Cannot use the token from ${context.tokenSource}: it contains spaces or other invalid characters`,
      );
    }
  }
  const authorization = token ? `Bearer ${token}` : basic;

  let hasResponded = false;

  async function send(address: string, init: RequestInit = {}): Promise<FinalResponse> {
    let url = resolveUrl(address, hub, task);
    const headers = new Headers(init.headers);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      if (url.origin === hub.origin) {
        if (authorization) headers.set("authorization", authorization);
        else headers.delete("authorization");
      }
      const response = await requestOnce(url, { ...init, headers });
      const location = REDIRECTS.includes(response.status) ? response.headers.get("location") : null;
      if (!location) return { response, url: response.redirected ? new URL(response.url) : url };

      await response.body?.cancel();
      const next = resolveUrl(location, url, task);
      if (init.redirect === "manual" && next.origin !== hub.origin) return { response, url };
      if (next.origin !== url.origin) headers.delete("authorization");
      url = next;
    }
    throw new HubError(`${task}: it redirects too often`, { url: withoutQuery(hub) });
  }

  /**
   * Makes one request. Redirects are not followed: `fetch` would send the headers along. Browsers follow them, since they do
   * not let a page see where they lead; but they send no token to another origin.
   */
  async function requestOnce(url: URL, init: RequestInit): Promise<Response> {
    const isUpload = init.body !== undefined; // has no time limit
    const late = new AbortController();
    const timer = isUpload ? undefined : setTimeout(() => {
      late.abort(new Error(`no response within ${context.timeout / 1000} s`));
    }, context.timeout);
    const signals = [late.signal, init.signal, context.signal].filter((signal) => signal instanceof AbortSignal);
    try {
      const { fetch } = context; // browsers refuse it as a method
      const response = await fetch(url, { ...init, ...REQUEST_MODE, signal: AbortSignal.any(signals) });
      hasResponded = true;
      return response;
    } catch (error) {
      context.signal?.throwIfAborted();
      const reason = publicReasonOf((error as Error).cause ?? error); // the error itself only says "fetch failed"
      const isLate = signals.some(({ aborted }) => aborted);
      const blocked = isLate || hasFileSystem() ? undefined : await explainBlocked(url, context.fetch);
      throw new UnreachableError(`${task}: ${showText(url.origin)} cannot be reached; ${blocked?.reason ?? reason}`, {
        url: withoutQuery(url),
        cause: publicCause(error),
        retryAfter: isRefusal(error) ? Infinity : undefined,
        retries: !blocked?.isCertain && (hasResponded || isLate) ? undefined : RETRIES_WITHOUT_RESPONSE,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  async function ask(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const address = resolveUrl(input instanceof Request ? input.url : `${input}`, hub, task);
    // Responses of the Hub itself are short: they get the timeout once to begin, and once to end.
    const deadline = address.origin === hub.origin && !init?.body ? [AbortSignal.timeout(2 * context.timeout)] : [];
    const signal = AbortSignal.any([...deadline, ...(init?.signal ? [init.signal] : [])]);
    const { response, url } = await send(address.href, { ...init, signal });
    if (!response.ok && url.origin === hub.origin) throw await failureOf(response, url, context);
    return await boundedResponse(response, task);
  }

  return { ...context, send, ask };
}

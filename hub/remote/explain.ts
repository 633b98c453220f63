/**
 * Explains the error responses of the Hub and the failures of a browser's requests, and how to fix their causes.
 *
 * @module
 */

import { HubError } from "../errors.ts";
import { retryAfter, UnreachableError } from "./retry.ts";
import { show, showText } from "../show.ts";

/** A task, and the credentials it is done with. */
export interface RequestContext {
  /** The task, for messages. */
  readonly action: "load" | "push to";
  readonly repo: string;
  readonly revision: string;
  readonly hubUrl: string;
  /** Origin of the token, e.g. `"HF_TOKEN"`; absent if there is none. */
  readonly tokenSource?: string;
  /** Whether a token from the environment would be sent. */
  readonly takesEnvironment: boolean;
}

/** The error for an error response of the Hub, whose body is discarded. */
export async function failureOf(response: Response, url: URL, context: RequestContext): Promise<HubError> {
  await response.body?.cancel();
  const { status, headers } = response;
  const at = { status, url: withoutQuery(url), errorCode: headers.get("x-error-code") ?? undefined };
  const failed = `Cannot ${context.action} ${context.repo} (status ${status})`;
  if (status === 408 || status === 429 || status >= 500 && status !== 501) {
    const why = status === 429
      ? "too many requests; try again later, or pass a token"
      : "the Hub failed; try again later";
    return new UnreachableError(`${failed}: ${why}`, { ...at, retryAfter: retryAfter(headers) });
  }
  return new HubError(`${failed}: ${explain(status, headers, url, context)}`, at);
}

function explain(status: number, headers: Headers, url: URL, context: RequestContext): string {
  const { action, repo, revision, hubUrl, tokenSource, takesEnvironment } = context;
  const code = headers.get("x-error-code");
  const said = headers.get("x-error-message") ?? "";
  const orSet = takesEnvironment ? ", or set HF_TOKEN" : "; HF_TOKEN goes to the Hub of HF_ENDPOINT alone";
  const signIn = `pass a token (make one at ${hubUrl}/settings/tokens)${orSet}`;

  if (code === "GatedRepo" || /\b(gated|restricted)\b/i.test(said)) {
    const then = tokenSource ? `the account of the token from ${tokenSource} has not been let in` : `then ${signIn}`;
    return `it is gated. Accept its licence at ${hubUrl}/${repo}; ${then}`;
  }
  if (code === "RevisionNotFound") {
    return `it has no branch, tag or commit ${show(revision)}. Its revisions are at ${hubUrl}/${repo}/commits`;
  }
  if (code === "EntryNotFound") {
    return `revision ${show(revision)} holds no such file or folder: ${fileOf(url, repo)}`;
  }
  if (status === 401 && /credentials/i.test(said) && tokenSource) {
    return `the token from ${tokenSource} is not valid. Make a new one at ${hubUrl}/settings/tokens`;
  }
  if (code === "RepoNotFound" || status === 401 || status === 404) {
    const access = tokenSource
      ? `if it is private, the token from ${tokenSource} must be allowed to read it`
      : `if it is private, ${signIn}`;
    const missing = action === "load" ? `at ${hubUrl}, nor a directory of that name here` : `at ${hubUrl}`;
    return `there is no such repository for you ${missing}. Check its spelling; ${access}`;
  }
  if (status === 403) {
    return tokenSource
      ? `access is forbidden: the token from ${tokenSource} lacks the permission for it`
      : `access is forbidden; ${signIn}`;
  }
  return `the Hub refused ${showText(withoutQuery(url))}`;
}

/** The path in the repository from a URL. */
function fileOf(url: URL, repo: string): string {
  const rest = url.pathname.split(`/${repo}/`).pop() ?? "";
  const path = rest.split("/").slice(2).join("/");
  try {
    return showText(decodeURIComponent(path)) || "/";
  } catch {
    return showText(path); // a redirect may lead to a URL of any form
  }
}

/** A URL without its query: that of a signed URL is a key. */
export function withoutQuery(url: URL): string {
  return url.origin + url.pathname;
}

/** Why a request failed, as far as a page can find out. */
export interface Blocked {
  readonly reason: string;
  /** Whether the server responded, but lets no page of another site read that. */
  readonly isCertain: boolean;
}

/**
 * Explains why a browser's request to a server failed. Browsers do not say it; but they make a request whose response the
 * page cannot read, and it succeeds if the server was there.
 */
export async function explainBlocked(url: URL, request: typeof fetch): Promise<Blocked> {
  const { navigator } = globalThis as { navigator?: { onLine?: boolean } };
  if (navigator?.onLine === false) return { reason: "there is no network", isCertain: false };
  const isThere = await request(url, { method: "HEAD", mode: "no-cors" }).then(() => true, () => false);
  const cors = "it must allow that with the header Access-Control-Allow-Origin (CORS)";
  return isThere
    ? { reason: `it lets no page of another site read its files: ${cors}`, isCertain: true }
    : { reason: `there is no network, or it lets no page of another site read its files: ${cors}`, isCertain: false };
}

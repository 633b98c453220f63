/**
 * How the Hub is reached, by options or by what the environment says.
 *
 * @module
 */

import { connect, type Connection, trimHubUrl } from "./connection.ts";
import { defaultHubUrl, findToken } from "./environment.ts";
import type { OnProgress } from "./progress.ts";

/** How the Hub is reached. */
export interface HubAccess {
  /**
   * An access token. By default that of `HF_TOKEN` or `HUGGING_FACE_HUB_TOKEN`, or the one that `hf auth login` stored,
   * unless `HF_HUB_DISABLE_IMPLICIT_TOKEN` forbids it; `""` for none. It is sent to the Hub alone, never to where the Hub
   * redirects.
   */
  token?: string;
  /** The address of the Hub. By default `HF_ENDPOINT`, or the public Hub. */
  hubUrl?: string;
  /** What makes the requests, for a proxy or a test. By default the global `fetch`. */
  fetch?: typeof fetch;
  /** Ends it all. Files that are half here are continued by the next call. */
  signal?: AbortSignal;
  /** Milliseconds without a byte after which a connection counts as broken and is made anew. By default 30 000. */
  timeout?: number;
  /** Gets told what happens. */
  onProgress?: OnProgress;
}

/** A connection about a repository, with what the environment says where the options say nothing. */
export async function connectTo(
  repo: string,
  action: "load" | "push to",
  revision: string,
  { token, hubUrl = defaultHubUrl(), timeout = 30_000, signal, ...options }: HubAccess,
): Promise<Connection> {
  const found = token === undefined ? await findToken() : { value: token.trim(), source: "the option token" };
  return connect({
    ...{ repo, action, revision, timeout, signal },
    hubUrl: trimHubUrl(hubUrl),
    token: found?.value,
    tokenSource: found?.value && found.source,
    fetch: options.fetch ?? fetch,
  });
}

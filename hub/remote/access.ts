/**
 * How the Hub is reached, by options or by what the environment says.
 *
 * @module
 */

import { connect, type Connection } from "./connection.ts";
import { defaultHubUrl, findToken, isDefaultHub } from "../system/environment.ts";
import type { OnProgress } from "./progress.ts";

/** How the Hub is reached. */
export interface HubAccess {
  /**
   * An access token; `""` for none. By default that of `HF_TOKEN` or `HUGGING_FACE_HUB_TOKEN`, or the one that
   * `hf auth login` stored, unless `HF_HUB_DISABLE_IMPLICIT_TOKEN` forbids it, or `hubUrl` is another Hub than that of
   * `HF_ENDPOINT`, or else the public one: what the environment holds is not meant for it. The token is sent to the Hub
   * alone, never to where the Hub redirects.
   */
  token?: string;
  /**
   * The address of the Hub, which may hold a name and a password. By default `HF_ENDPOINT`, or the public Hub. A Hub
   * that is asked over https must not lead elsewhere than to https.
   */
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
  const takesEnvironment = isDefaultHub(hubUrl);
  const found = token !== undefined
    ? { value: token.trim(), source: "the option token" }
    : takesEnvironment
    ? await findToken()
    : undefined;
  return connect({
    ...{ repo, action, revision, timeout, signal, hubUrl, takesEnvironment },
    token: found?.value,
    tokenSource: found?.value && found.source,
    fetch: options.fetch ?? fetch,
  });
}

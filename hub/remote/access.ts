/**
 * Access to the Hub, from options and the environment.
 *
 * @module
 */

import { connect, type Connection } from "./connection.ts";
import { defaultHubUrl, findToken, isDefaultHub } from "../system/environment.ts";
import type { OptionNames } from "../check_options.ts";
import type { OnProgress } from "./progress.ts";

/** Options for access to the Hub. */
export interface HubAccess {
  /**
   * An access token; `""` for none. By default `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN`, or the token that `hf auth login`
   * stored, but none if `HF_HUB_DISABLE_IMPLICIT_TOKEN` is set, or if `hubUrl` is not the Hub of `HF_ENDPOINT` or else the
   * public one, which the environment's token is for. The token is sent to the Hub only, never to hosts it redirects to.
   */
  token?: string;
  /**
   * URL of the Hub, which may contain a user name and a password. By default `HF_ENDPOINT`, or the public Hub. A Hub with an
   * https URL may redirect to https only.
   */
  hubUrl?: string;
  /** Makes the requests, for a proxy or a test. By default the global `fetch`. */
  fetch?: typeof fetch;
  /** Aborts the call. The next call resumes incomplete downloads. */
  signal?: AbortSignal;
  /** Milliseconds without a byte after which a connection is considered broken, and made again. By default 30 000. */
  timeout?: number;
  /** Called with each step of the download. */
  onProgress?: OnProgress;
}

/** The names of {@linkcode HubAccess}. */
export const HUB_ACCESS: OptionNames<HubAccess> = {
  token: true,
  hubUrl: true,
  fetch: true,
  signal: true,
  timeout: true,
  onProgress: true,
};

/** Opens a connection for a repository. The environment provides what the options do not. */
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

/**
 * Access to the Hub and to other web servers, from options and the environment.
 *
 * @module
 */

import { connect, type Connection } from "./connection.ts";
import { HubError } from "../errors.ts";
import { withoutQuery } from "./explain.ts";
import { defaultHubUrl, findToken, isDefaultHub } from "../system/environment.ts";
import type { OptionNames } from "../check_options.ts";
import type { OnProgress } from "./progress.ts";
import { checkRepoId, checkRevision } from "../repo_id.ts";
import { show } from "../show.ts";

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
    fetch: options.fetch ?? fetch.bind(globalThis),
  });
}

/** A file on a server, and the connection to it. */
export interface RemotePlace {
  readonly url: URL;
  /** The name in messages. */
  readonly name: string;
  readonly connection: Connection;
}

/**
 * Finds a file of a repository or a web server, without a request. Only the Hub gets a token.
 *
 * @param address an `https:` URL, or `hf://datasets/OWNER/NAME/PATH`; a revision other than `main` is put behind the name:
 * `hf://datasets/OWNER/NAME@REVISION/PATH`
 * @throws {HubError} if the address is not valid
 */
export async function locateRemote(address: string | URL, access: HubAccess): Promise<RemotePlace> {
  if (/^hf:/i.test(`${address}`)) return await locateHosted(`${address}`, access);
  if (!URL.canParse(address)) throw new HubError(`Cannot load ${show(`${address}`)}: expected a URL`);
  const url = new URL(address);
  const name = withoutQuery(url);
  const token = isDefaultHub(url.origin) ? access.token : "";
  return { url, name, connection: await connectTo(name, "load", "main", { ...access, token, hubUrl: url.origin }) };
}

async function locateHosted(address: string, access: HubAccess): Promise<RemotePlace> {
  const pattern = /^hf:\/\/(datasets\/|spaces\/|)([^/@]+\/[^/@]+)(?:@([^/]+))?\/(.+)$/;
  const [, kind, id, encoded = "main", path] = pattern.exec(address) ?? [];
  if (path === undefined) {
    throw new HubError(`Cannot load ${show(address)}: expected an address such as hf://datasets/OWNER/NAME/PATH`);
  }
  const revision = encoded.replaceAll("%2F", "/"); // as in refs%2Fconvert%2Fparquet
  checkRepoId(id);
  checkRevision(revision);
  const repo = kind + id;
  const connection = await connectTo(repo, "load", revision, access);
  const place = [encodeURIComponent(revision), ...path.split("/").map(encodeURIComponent)].join("/");
  return { url: new URL(`${connection.hubUrl}/${repo}/resolve/${place}`), name: address, connection };
}

/**
 * The package `@huggingface/hub`, loaded when it is first needed: models in the cache do without it.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import { HubError } from "../errors.ts";
import { publicCause, publicReasonOf } from "../show.ts";
import { UnreachableError, withRetries } from "./retry.ts";

/** What the package exports. */
export type HubPackage = typeof import("@huggingface/hub");

/** What every function of the package takes. The token is not among it: {@linkcode Connection.ask} adds it. */
export interface PackageParameters {
  readonly repo: { type: "model"; name: string };
  readonly hubUrl: string;
  readonly fetch: typeof fetch;
}

/**
 * Has the package do something, again where that fails for a moment.
 *
 * @throws {HubError} if it fails
 */
export async function useHubPackage<T>(
  connection: Connection,
  use: (hub: HubPackage, parameters: PackageParameters) => Promise<T>,
  retries?: number,
): Promise<T> {
  const { action, repo, hubUrl, ask, signal } = connection;
  const hub = await import("@huggingface/hub");
  const parameters = { repo: { type: "model", name: repo }, hubUrl, fetch: ask } as const;
  return await withRetries(async () => {
    try {
      return await use(hub, parameters);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof HubError) throw error;
      if (error instanceof TypeError) { // the package stumbled: JavaScript's words for that are of no use to anyone
        const cause = publicCause(error);
        throw new HubError(`Cannot ${action} ${repo} at ${hubUrl}: its answer is not what a Hub sends`, { cause });
      }
      const message = `Cannot ${action} ${repo} at ${hubUrl}: ${publicReasonOf(error)}`;
      const cause = publicCause(error);
      const status = (error as { statusCode?: number }).statusCode; // of an answer from elsewhere than the Hub
      if (status && status < 500) throw new HubError(message, { status, cause });
      throw new UnreachableError(message, { status, cause }); // or an answer that broke off
    }
  }, { retries, signal });
}

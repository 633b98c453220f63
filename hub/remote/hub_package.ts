/**
 * The package `@huggingface/hub`, loaded on first use: models in the cache do not need it. It is bundled, since its entry
 * for browsers is not what bundlers find.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import { HubError } from "../errors.ts";
import { publicCause, publicReasonOf } from "../show.ts";
import { UnreachableError, withRetries } from "./retry.ts";

/** The exports of the package. */
export type HubPackage = typeof import("./package/hub_package.gen.js");

/** Parameters of every function of the package, except for the token, which {@linkcode Connection.ask} adds. */
export interface PackageParameters {
  readonly repo: { type: "model"; name: string };
  readonly hubUrl: string;
  readonly fetch: typeof fetch;
}

/**
 * Calls the package, with retries of temporary failures.
 *
 * @throws {HubError} if the call fails
 */
export async function useHubPackage<T>(
  connection: Connection,
  use: (hub: HubPackage, parameters: PackageParameters) => Promise<T>,
  retries?: number,
): Promise<T> {
  const { action, repo, hubUrl, ask, signal } = connection;
  const hub = await import("./package/hub_package.gen.js").catch((cause) => {
    const problem = `a part of this library cannot be loaded; ${publicReasonOf(cause)}`; // a page without a network
    throw new UnreachableError(`Cannot ${action} ${repo}: ${problem}`, { cause: publicCause(cause) });
  });
  const parameters = { repo: { type: "model", name: repo }, hubUrl, fetch: ask } as const;
  return await withRetries(async () => {
    try {
      return await use(hub, parameters);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof HubError) throw error;
      if (error instanceof TypeError) { // a response the package does not expect: its own message would not help users
        const cause = publicCause(error);
        throw new HubError(`Cannot ${action} ${repo} at ${hubUrl}: its response is not that of a Hub`, { cause });
      }
      const message = `Cannot ${action} ${repo} at ${hubUrl}: ${publicReasonOf(error)}`;
      const cause = publicCause(error);
      const status = (error as { statusCode?: number }).statusCode; // of a response from another host than the Hub
      if (status && status < 500) throw new HubError(message, { status, cause });
      throw new UnreachableError(message, { status, cause }); // or a truncated response
    }
  }, { retries, signal });
}

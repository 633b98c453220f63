/**
 * Addresses of queues.
 *
 * @module
 */

import { printable } from "../../hub/show.ts";

/** A queue on a server, and how to log in there. */
export interface QueueServer {
  /** `nats://HOST:PORT` or `tls://HOST:PORT`, several with commas between them. */
  readonly servers: string;
  /** The queue's name: letters, digits, `-` and `_`. */
  readonly name: string;
  /** Who logs in, with {@linkcode password}. */
  readonly user?: string;
  /** The user's password. */
  readonly password?: string;
  /** What the server wants instead of user and password. */
  readonly token?: string;
  /** The content of a credentials file, as NATS' tools write it. */
  readonly credentials?: string;
  /** Paths of PEM files: of the authority that signed the server's certificate, and of the client's certificate and key. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
}

/**
 * Reads the address of a queue, `nats://[USER:PASSWORD@]HOST[:PORT]/NAME`, also with `tls:`.
 *
 * @throws {TypeError} if it is no such address
 */
export function parseQueueAddress(address: string): QueueServer {
  const parts = URL.canParse(address) ? new URL(address) : undefined;
  const name = parts?.pathname.slice(1) ?? "";
  if (!parts || !/^(nats|tls):$/.test(parts.protocol) || !parts.hostname || !/^[\w-]{1,64}$/.test(name)) {
    const shown = printable(address.replace(/\/\/[^/@]*@/, "//…@")); // no password
    throw new TypeError(
      `Cannot use the queue ${shown}: expected nats://HOST:4222/NAME, with letters, digits, - and _ in NAME`,
    );
  }
  const { protocol, host, username, password } = parts;
  return {
    servers: `${protocol}//${host}`,
    name,
    ...(password && { user: decodeURIComponent(username), password: decodeURIComponent(password) }),
    ...(username && !password && { token: decodeURIComponent(username) }),
  };
}

/**
 * Connections to a NATS server.
 *
 * @module
 */

import type { ConnectionOptions, NatsConnection } from "@nats-io/transport-node";
import { printable } from "../../hub/show.ts";
import type { QueueServer } from "./address.ts";

/** Milliseconds until the first connection has to be there. */
const TIMEOUT = 10_000;
/** Milliseconds between attempts to connect again. */
const RETRY = 1_000;
/** Milliseconds after a refusal in which the server may reset the connection. */
const RESET_WAIT = 100;

/**
 * Connects to a server. The connection comes back by itself when the server was away.
 *
 * @throws {TypeError} if the server cannot be reached, or refuses
 */
export async function connectTo(server: QueueServer): Promise<NatsConnection> {
  const { connect, credsAuthenticator } = await import("./nats_transport.ts");
  const { servers, user, password, token, credentials, tls } = server;
  const options: ConnectionOptions = {
    servers: servers.split(","),
    name: "vqmodel",
    timeout: TIMEOUT,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RETRY,
    ...(user !== undefined && { user, pass: password }),
    ...(token !== undefined && { token }),
    ...(credentials !== undefined && { authenticator: credsAuthenticator(new TextEncoder().encode(credentials)) }),
    ...((tls || servers.startsWith("tls:")) && { tls: { ...tls } }),
  };
  try {
    return await ignoringReset(() => connect(options));
  } catch (cause) {
    const reason = printable(cause instanceof Error ? cause.message : `${cause}`);
    throw new TypeError(
      `Cannot reach the queue ${server.name} at ${servers}: ${reason}. Check that a NATS server runs there ` +
        "(nats-server -js), and the user, password or token",
      { cause },
    );
  }
}

/**
 * Connects, and ignores that a server which refuses also resets the connection. The client has removed its listeners from the
 * socket by then, so that the error would end the program.
 */
async function ignoringReset<T>(connect: () => Promise<T>): Promise<T> {
  const ignore = (event: Event) => {
    const { code, syscall } = (event as ErrorEvent).error ?? {};
    if (code === "ECONNRESET" && syscall === "read") event.preventDefault();
  };
  globalThis.addEventListener?.("error", ignore); // Node has no such event
  try {
    return await connect();
  } catch (error) {
    await new Promise((resolve) => setTimeout(resolve, RESET_WAIT));
    throw error;
  } finally {
    globalThis.removeEventListener?.("error", ignore);
  }
}

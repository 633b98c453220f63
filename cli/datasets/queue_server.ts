/**
 * Which queue is meant, and how to log in there.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import process from "node:process";
import { parseQueueAddress, type QueueServer } from "../../datasets/mod.ts";

/**
 * The queue of an address. What the address does not say is taken from the environment, from the variables that the tools
 * of NATS read.
 *
 * @param address `nats://HOST:4222/NAME`; or only `NAME`, for the server in `NATS_URL`
 */
export async function queueServerOf(address: string): Promise<QueueServer> {
  const url = variable("NATS_URL");
  const isName = /^[\w-]+$/.test(address) && url !== undefined;
  const server = parseQueueAddress(isName ? `${url.replace(/\/$/, "")}/${address}` : address);
  const credentials = variable("NATS_CREDS");
  const tls = { caFile: variable("NATS_CA"), certFile: variable("NATS_CERT"), keyFile: variable("NATS_KEY") };
  const found = {
    user: variable("NATS_USER"),
    password: variable("NATS_PASSWORD"),
    token: variable("NATS_TOKEN"),
    credentials: credentials === undefined ? undefined : await readFile(credentials, "utf-8"),
    tls: Object.values(tls).some((path) => path !== undefined) ? tls : undefined,
  };
  return { ...withoutAbsent(found), ...server };
}

function variable(name: string): string | undefined {
  return process.env[name] || undefined;
}

function withoutAbsent<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

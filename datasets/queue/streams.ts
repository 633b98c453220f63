/**
 * The streams of a queue on a NATS server with JetStream.
 *
 * ```text
 * stream vqmodel-NAME-jobs    vqmodel.NAME.jobs.ID      pending jobs; acknowledged ones are removed
 * stream vqmodel-NAME-state   vqmodel.NAME.done.ID      finished jobs
 *                             vqmodel.NAME.failed.ID    jobs that were set aside, with their reasons
 *                             vqmodel.NAME.worker.ID    what each worker did last
 * ```
 *
 * Each subject holds one message, so a job that is published twice is there once.
 *
 * @module
 */

import type { ConsumerConfig, JetStreamClient, JetStreamManager, StreamConfig } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { printable } from "../../hub/show.ts";
import type { QueueServer } from "./address.ts";
import { connectTo } from "./server.ts";
import type { QueueOptions } from "./types.ts";

/** A queue's streams, and the connection to them. */
export interface QueueStreams {
  /** Where they are, and the queue's name. */
  readonly server: QueueServer;
  /** The connection to the server. */
  readonly connection: NatsConnection;
  /** Publishes and receives. */
  readonly client: JetStreamClient;
  /** Looks after streams. */
  readonly manager: JetStreamManager;
}

/** The durable consumer that all workers share. */
export const WORKERS = "workers";

const REDELIVERY = 30_000;
const NANOSECONDS_PER_MILLISECOND = 1_000_000;

/** What a subject is about. */
type Kind = "jobs" | "done" | "failed" | "worker";

/** The names of a queue's streams. */
export function streamsOf({ name }: QueueServer): { jobs: string; state: string } {
  return { jobs: `vqmodel-${name}-jobs`, state: `vqmodel-${name}-state` };
}

/** The subject of a job, of what is known about it, or of a worker; by default those of all. */
export function subjectOf({ name }: QueueServer, kind: Kind, id?: string): string {
  return `vqmodel.${name}.${kind}.${id === undefined ? "*" : escaped(id)}`;
}

/** The id in a subject. If another program chose the subject, that may be its last token as it is. */
export function idOf(subject: string): string {
  const token = subject.slice(subject.lastIndexOf(".") + 1);
  try {
    return decodeURIComponent(token.replaceAll("=", "%"));
  } catch {
    return token;
  }
}

/** A token of a subject: other characters than letters, digits, `-` and `_` become `=` and their hexadecimal code. */
function escaped(id: string): string {
  const encoded = encodeURIComponent(id).replaceAll(/[.!~*'()]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return encoded.replaceAll("%", "=");
}

/**
 * Connects to a server, and makes the queue if it is not there yet.
 *
 * @throws {TypeError} if the server cannot be reached, refuses, or has no JetStream
 */
export async function connectQueue(server: QueueServer, options: QueueOptions): Promise<QueueStreams> {
  const connection = await connectTo(server);
  try {
    const { jetstream, jetstreamManager } = await import("./nats_jetstream.ts");
    const manager = await jetstreamManager(connection);
    await makeStreams(manager, server, options);
    return { server, connection, client: jetstream(connection), manager };
  } catch (cause) {
    await connection.close();
    const reason = printable(cause instanceof Error ? cause.message : `${cause}`);
    throw new TypeError(
      `Cannot use the queue ${server.name}: expected a NATS server with JetStream (nats-server -js); ${reason}`,
      { cause },
    );
  }
}

async function makeStreams(manager: JetStreamManager, server: QueueServer, options: QueueOptions): Promise<void> {
  const { AckPolicy, DiscardPolicy, RetentionPolicy } = await import("./nats_jetstream.ts");
  const { jobs, state } = streamsOf(server);
  await makeStream(manager, {
    name: jobs,
    subjects: [subjectOf(server, "jobs")],
    retention: RetentionPolicy.Workqueue,
    max_msgs_per_subject: 1,
    discard: DiscardPolicy.New,
    discard_new_per_subject: true,
  });
  await makeStream(manager, {
    name: state,
    subjects: (["done", "failed", "worker"] as const).map((kind) => subjectOf(server, kind)),
    max_msgs_per_subject: 1,
  });
  await makeConsumer(manager, jobs, { durable_name: WORKERS, ack_policy: AckPolicy.Explicit }, options);
}

async function makeStream(manager: JetStreamManager, config: Partial<StreamConfig> & { name: string }): Promise<void> {
  const isThere = await manager.streams.info(config.name).then(() => true, isMissing);
  if (!isThere) await manager.streams.add(config);
}

async function makeConsumer(
  manager: JetStreamManager,
  stream: string,
  config: Partial<ConsumerConfig>,
  { redelivery }: QueueOptions,
): Promise<void> {
  const isThere = await manager.consumers.info(stream, WORKERS).then(() => true, isMissing);
  const wait = (milliseconds: number) => ({ ack_wait: milliseconds * NANOSECONDS_PER_MILLISECOND });
  if (!isThere) await manager.consumers.add(stream, { ...config, ...wait(redelivery ?? REDELIVERY) });
  else if (redelivery !== undefined) await manager.consumers.update(stream, WORKERS, wait(redelivery));
}

/** `false` for the error that something is not there; throws others. */
function isMissing(error: unknown): false {
  const { name } = error as Error;
  if (name === "StreamNotFoundError" || name === "ConsumerNotFoundError") return false;
  throw error;
}

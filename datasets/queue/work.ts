/**
 * Workers: they take jobs from a queue until there are none.
 *
 * @module
 */

import { Worker } from "node:worker_threads";
import type { Consumer, JsMsg } from "@nats-io/jetstream";
import type { HeartbeatMessage } from "./heartbeat_worker.ts";
import { forgetFailure } from "./jobs.ts";
import { idOf, type QueueStreams, streamsOf, subjectOf, WORKERS } from "./streams.ts";
import type { Job, WorkOptions } from "./types.ts";

/** Different jobs in a row after whose failure a worker ends. */
const MAX_FAILED_JOBS = 3;

/** Deliveries of a job after which it is set aside. */
const MAX_DELIVERIES = 5;
/** Milliseconds to wait for a job before the queue is looked at again. */
const POLL = 2_000;
/** Milliseconds before a failed job is tried again. */
const RETRY = 1_000;

/** See {@linkcode Queue.work}. */
export async function workOn(
  queue: QueueStreams,
  handle: (job: Job) => Promise<number>,
  options: WorkOptions,
): Promise<number> {
  const { jobs } = streamsOf(queue.server);
  const { config } = await queue.manager.consumers.info(jobs, WORKERS);
  const consumer = await queue.client.consumers.get(jobs, WORKERS);
  const heart = await startHeart(queue, (config.ack_wait ?? 0) / 1e6 / 3);
  return await workThrough(queue, consumer, heart, handle, options).finally(() => heart.stop());
}

/** Handles jobs until there are none left; returns their number. */
async function workThrough(
  queue: QueueStreams,
  consumer: Consumer,
  heart: Heart,
  handle: (job: Job) => Promise<number>,
  options: WorkOptions,
): Promise<number> {
  const worked = { jobs: 0, pictures: 0, seconds: 0 };
  const failed = new Set<string>();
  while (!options.signal?.aborted) {
    const message = await next(queue, consumer);
    if (!message) {
      if (!options.keep && await isEmpty(consumer)) break;
      continue;
    }
    const started = performance.now();
    const outcome = await attempt(queue, message, handle, heart, options);
    if (typeof outcome !== "number") {
      if (outcome.error !== undefined) endIfUnfit(outcome.error, failed.add(message.subject), options);
      continue;
    }
    failed.clear();
    worked.jobs++;
    worked.pictures += outcome;
    worked.seconds += (performance.now() - started) / 1000;
    await note(queue, "worker", options.worker, worked);
  }
  return worked.jobs;
}

/** Throws an error for which this worker has to end. `failed` are the jobs that it failed in a row. */
function endIfUnfit(error: unknown, failed: Set<string>, { faultOf }: WorkOptions): void {
  const fault = faultOf?.(error);
  if (fault === "job") failed.clear();
  else if (fault === "worker" || failed.size >= MAX_FAILED_JOBS) throw error;
}

/** The next job, if there is one soon. While the server is away, there is none. */
async function next({ connection }: QueueStreams, consumer: Consumer): Promise<JsMsg | null> {
  try {
    return await consumer.next({ expires: POLL });
  } catch (error) {
    if (connection.isClosed()) throw error;
    await pause(POLL);
    return null;
  }
}

async function isEmpty(consumer: Consumer): Promise<boolean> {
  const info = await consumer.info().catch(() => undefined); // the server may be away
  return info?.num_pending === 0 && info.num_ack_pending === 0;
}

/** Handles a job, and tells the server how that went. Returns what `handle` returned, or its error if the job failed. */
async function attempt(
  queue: QueueStreams,
  message: JsMsg,
  handle: (job: Job) => Promise<number>,
  heart: Heart,
  options: WorkOptions,
): Promise<number | { readonly error?: unknown }> {
  const id = idOf(message.subject);
  const deliveries = message.info.deliveryCount;
  const fail = async (reason: string, error?: unknown) => {
    const isSetAside = deliveries >= MAX_DELIVERIES && options.faultOf?.(error) !== "worker";
    options.onFailure?.(id, reason, isSetAside);
    if (!isSetAside) return message.nak(RETRY);
    await note(queue, "failed", id, { reason });
    message.term();
  };
  if (deliveries > MAX_DELIVERIES) {
    await fail(`${MAX_DELIVERIES} workers took it, and none finished it or said why: they were killed, or too slow`);
    return {};
  }
  let pictures: number;
  heart.beat((message as JsMsg & { readonly reply: string }).reply); // every message has it, its type does not
  try {
    pictures = await handle({ id, value: message.json(), alive: heart.alive });
  } catch (error) {
    if (!options.signal?.aborted) {
      await fail(error instanceof Error ? error.message : `${error}`, error);
      return { error };
    }
    message.nak();
    return {};
  } finally {
    heart.pause();
  }
  await note(queue, "done", id, {});
  await forgetFailure(queue, id).catch(() => {}); // the server may be away
  await message.ackAck().catch(() => {}); // if the server misses it, another worker finds the job done
  return pictures;
}

/** Publishes something about a job or a worker. Waits as long as the server is away. */
async function note(
  { client, server, connection }: QueueStreams,
  kind: "done" | "failed" | "worker",
  id: string,
  value: unknown,
): Promise<void> {
  for (;;) {
    try {
      await client.publish(subjectOf(server, kind, id), JSON.stringify(value));
      return;
    } catch (error) {
      if (connection.isClosed()) throw error;
      await pause(POLL);
    }
  }
}

/** Tells the server that a job is in progress. */
interface Heart {
  /** Begins, for the job with a reply subject. */
  beat(subject: string): void;
  /** Ends, for this job. */
  pause(): void;
  /** The job makes progress. */
  alive(): void;
  /** Ends the thread. */
  stop(): void;
}

/** Starts the thread that does it, which has a connection of its own. */
async function startHeart({ server }: QueueStreams, interval: number): Promise<Heart> {
  const { PROGRAM } = await import("./heartbeat_program.gen.js");
  const worker = new Worker(PROGRAM, { eval: true });
  const send = (message: HeartbeatMessage) => worker.postMessage(message);
  const ready = new Promise<void>((resolve, reject) => {
    worker.on("message", () => resolve());
    worker.on("error", reject);
  });
  send({ server, interval });
  try {
    await ready;
  } catch (cause) {
    await worker.terminate();
    throw new TypeError(`Cannot start the heartbeat of a worker: ${(cause as Error).message}`, { cause });
  }
  return {
    beat: (subject) => send({ subject }),
    pause: () => send({ subject: undefined }),
    alive: () => send("alive"),
    stop: () => void worker.terminate(),
  };
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * Publishing jobs, and what became of them.
 *
 * @module
 */

import type { JetStreamApiError } from "@nats-io/jetstream";
import { showText } from "../../hub/show.ts";
import { idOf, type QueueStreams, streamsOf, subjectOf, WORKERS } from "./streams.ts";
import type { QueueStatus } from "./types.ts";

/** JetStream's error when a subject holds its one message already. */
const SUBJECT_IS_FULL = 10077;

/** See {@linkcode Queue.publish}. */
export async function publishJob(queue: QueueStreams, id: string, value: unknown): Promise<boolean> {
  const { client, server, connection } = queue;
  const job = new TextEncoder().encode(JSON.stringify(value));
  const most = connection.info?.max_payload ?? Infinity;
  if (job.length > most) {
    throw new RangeError(
      `Cannot publish the job ${showText(id)}: expected at most ${most} bytes, the server's max_payload, found ` +
        `${job.length}. Store what is large in a file, and publish its path`,
    );
  }
  try {
    await client.publish(subjectOf(server, "jobs", id), job);
    return true;
  } catch (error) {
    if ((error as JetStreamApiError).code === SUBJECT_IS_FULL) return false;
    throw error;
  }
}

/** See {@linkcode Queue.forget}. */
export async function forgetJobs({ manager, server }: QueueStreams): Promise<void> {
  await manager.streams.purge(streamsOf(server).state);
}

/** Removes the note that a job was set aside. */
export async function forgetFailure({ manager, server }: QueueStreams, id: string): Promise<void> {
  await manager.streams.purge(streamsOf(server).state, { filter: subjectOf(server, "failed", id) });
}

/** See {@linkcode Queue.status}. */
export async function readStatus(queue: QueueStreams): Promise<QueueStatus> {
  const { manager, server } = queue;
  const { num_pending: pending, num_ack_pending: running } = await manager.consumers.info(
    streamsOf(server).jobs,
    WORKERS,
  );
  const failed = (await messagesOf(queue, "failed")).map(({ id, value }) => ({
    id,
    reason: `${value.reason ?? "unknown"}`,
  }));
  const workers = (await messagesOf(queue, "worker")).map(({ id, value, time }) => {
    const [jobs, pictures, seconds] = [value.jobs, value.pictures, value.seconds].map((amount) => Number(amount) || 0);
    return { id, jobs, pictures, seconds, lastSeen: time };
  });
  return { pending, running, done: (await subjectsOf(queue, "done")).length, failed, workers };
}

/** See {@linkcode Queue.drain}. */
export async function drainJobs({ manager, server }: QueueStreams): Promise<number> {
  const { jobs } = streamsOf(server);
  const { delivered } = await manager.consumers.info(jobs, WORKERS);
  const { state } = await manager.streams.info(jobs, { deleted_details: true });
  const deleted = new Set(state.deleted);
  let removed = 0;
  for (let sequence = delivered.stream_seq + 1; sequence <= state.last_seq; sequence++) {
    if (!deleted.has(sequence) && await manager.streams.deleteMessage(jobs, sequence)) removed++;
  }
  return removed;
}

async function subjectsOf({ manager, server }: QueueStreams, kind: "done" | "failed" | "worker"): Promise<string[]> {
  const { state } = await manager.streams.info(streamsOf(server).state, { subjects_filter: subjectOf(server, kind) });
  return Object.keys(state.subjects ?? {}).sort();
}

async function messagesOf(queue: QueueStreams, kind: "failed" | "worker") {
  const { manager, server } = queue;
  const messages = [];
  for (const subject of await subjectsOf(queue, kind)) {
    const message = await manager.streams.getMessage(streamsOf(server).state, { last_by_subj: subject });
    if (message) {
      messages.push({ id: idOf(subject), value: fieldsOf(message), time: message.time });
    }
  }
  return messages;
}

/** The fields of a message; none if another program sent it. */
function fieldsOf(message: { json(): unknown }): Record<string, unknown> {
  try {
    return Object(message.json());
  } catch {
    return {};
  }
}

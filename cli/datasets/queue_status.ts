/**
 * What is going on in a queue, as text.
 *
 * @module
 */

import type { QueueStatus } from "../../datasets/mod.ts";
import { printable } from "../../mod.ts";
import { count, table } from "../text.ts";
import { duration } from "./progress.ts";

/** Milliseconds after which a worker that finished nothing no longer counts for the time left. */
const RECENT = 10 * 60_000;

/** The state in one line: jobs, rate, time left. */
export function statusLine(status: QueueStatus): string {
  const { pending, running, done, failed } = status;
  const recent = status.workers.filter(({ lastSeen }) => Date.now() - lastSeen.getTime() < RECENT);
  const picturesPerSecond = recent.reduce((sum, { pictures, seconds }) => sum + rate(pictures, seconds), 0);
  const jobsPerSecond = recent.reduce((sum, { jobs, seconds }) => sum + rate(jobs, seconds), 0);
  const left = jobsPerSecond > 0 ? [`${duration((pending + running) / jobsPerSecond)} left`] : [];
  const total = pending + running + done + failed.length;
  return [
    `${count(done)} of ${count(total)} shards`,
    `${count(running)} running`,
    ...(failed.length > 0 ? [`${count(failed.length)} set aside`] : []),
    `${recent.length} worker${recent.length === 1 ? "" : "s"}`,
    `${picturesPerSecond.toFixed(1)} pictures/s`,
    ...left,
  ].join(", ");
}

/** The state with every worker, and every job that was set aside. */
export function statusText(status: QueueStatus): string {
  const workers = status.workers.map(({ id, jobs, pictures, seconds, lastSeen }) => [
    printable(id),
    `${count(jobs)} shards, ${count(pictures)} pictures, ${rate(pictures, seconds).toFixed(1)} pictures/s, last ${
      lastSeen.toISOString().slice(0, 19).replace("T", " ")
    }`,
  ]);
  const failed = status.failed.map(({ id, reason }) => [printable(id), printable(reason)]);
  return [
    statusLine(status),
    ...(workers.length > 0 ? ["", "workers", table(workers)] : []),
    ...(failed.length > 0 ? ["", "set aside", table(failed)] : []),
  ].join("\n");
}

/** An amount per second. A worker's seconds are 0 if another program sent them. */
function rate(amount: number, seconds: number): number {
  return seconds > 0 ? amount / seconds : 0;
}

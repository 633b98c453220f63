// deno-lint-ignore-file no-console
/**
 * Publishing a data set for workers, and watching them.
 *
 * @module
 */

import { type DatasetSource, openQueue, type Queue } from "../../datasets/mod.ts";
import { printable } from "../../mod.ts";
import { ExitError } from "../process/exit_error.ts";
import { interruptible } from "../process/interrupt.ts";
import { rewriteLine, WATCHED } from "../terminal.ts";
import { count } from "../text.ts";
import { type DatasetJob, publishShards } from "./queue_jobs.ts";
import { queueServerOf } from "./queue_server.ts";
import { statusLine, statusText } from "./queue_status.ts";

/** Milliseconds between two looks at the queue: on a terminal, and else. */
const PERIODS = { terminal: 1000, lines: 10_000 } as const;

/** Milliseconds for which a server may be away, as when it is restarted. */
const PATIENCE = 5 * 60_000;

/**
 * Publishes the shards of a data set, and with `--watch` waits until no job is left.
 *
 * @returns whether all are done, so that the data set can be completed
 * @throws {ExitError} if jobs were set aside
 */
export async function runOnWorkers(
  address: string,
  job: DatasetJob,
  source: DatasetSource,
): Promise<boolean> {
  const { watch, quiet, redelivery } = job.options;
  const server = await queueServerOf(address);
  await using queue: Queue = await openQueue(server, {
    redelivery: redelivery === undefined ? undefined : 1000 * Number(redelivery),
  });
  const published = await publishShards(queue, job, source);
  if (!quiet) console.log(`Published ${count(published)} of ${count(source.shards.length)} shards to ${server.name}`);
  if (!watch) {
    if (!quiet) {
      console.log("When workers have done them, run the same command without --queue to complete the data set");
    }
    return false;
  }
  await interruptible((signal) => untilDone(queue, signal, quiet === true), () => "workers go on");
  const { failed } = await queue.status();
  if (failed.length === 0) return true;
  const advice = "Without --queue, the same command tries them here, and completes the data set";
  throw new ExitError(
    `${count(failed.length)} shards were set aside. ${advice}\n${statusText(await queue.status())}`,
    1,
  );
}

async function untilDone(queue: Queue, signal: AbortSignal, quiet: boolean): Promise<void> {
  let shown = -Infinity;
  let answered = performance.now();
  for (;;) {
    const status = await queue.status().catch((cause) => {
      if (performance.now() - answered < PATIENCE) return;
      const advice = "Workers go on; run the same command again to watch them";
      throw new Error(`The server of the queue has not answered for 5 minutes: ${cause.message}. ${advice}`, { cause });
    });
    const now = performance.now();
    if (!status) {
      await pause(PERIODS.terminal, signal);
      continue;
    }
    answered = now;
    if (!quiet && now - shown >= (WATCHED ? PERIODS.terminal : PERIODS.lines)) {
      if (WATCHED) rewriteLine(statusLine(status));
      else console.error(printable(statusLine(status)));
      shown = now;
    }
    if (status.pending + status.running === 0) break;
    await pause(PERIODS.terminal, signal);
  }
  if (WATCHED && !quiet) rewriteLine("");
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}

// deno-lint-ignore-file no-console
/**
 * A worker that tokenizes shards of data sets.
 *
 * @module
 */

import { hostname } from "node:os";
import process from "node:process";
import { openQueue, type Queue, SourceError } from "../../datasets/mod.ts";
import { printable } from "../../mod.ts";
import { type Command, UsageError } from "../arguments.ts";
import { ForeignJobError, shardWorker, WrongVersionError } from "../datasets/queue_jobs.ts";
import { queueServerOf } from "../datasets/queue_server.ts";
import { interruptible } from "../process/interrupt.ts";
import { isGranted } from "../process/permissions.ts";
import type { Options } from "../options.ts";
import { count } from "../text.ts";

export const workerCommand: Command = {
  summary: "Tokenize the shards of a queue until there are none",
  usage: "worker --queue ADDRESS",
  operands: [],
  options: ["queue", "keep", "device", "threads", "memory-limit", "no-restart", "quiet", "help"],
  own: {
    queue: {
      type: "string",
      value: "ADDRESS",
      help: "where the jobs are: nats://HOST:4222/NAME, or NAME on the server in NATS_URL",
    },
  },
  examples: ["worker --queue nats://localhost:4222/imagenet"],
  run,
};

async function run(_: readonly string[], options: Options): Promise<void> {
  const { queue: address, keep, quiet, ...own } = options;
  if (address === undefined) throw new UsageError("--queue is needed: where the jobs are");
  const name = workerName();
  const log = quiet ? () => {} : (text: string) => console.error(printable(text));
  await using queue: Queue = await openQueue(await queueServerOf(address));
  const shards = await interruptible(async (signal) => {
    using worker = shardWorker(own, signal);
    const shards = await queue.work(async ({ id, value, alive }) => {
      const pictures = await worker.handle(value, alive);
      log(`${id}: ${count(pictures)} pictures`);
      return pictures;
    }, {
      worker: name,
      keep,
      signal,
      faultOf: (error) => {
        if (error instanceof WrongVersionError) return "worker";
        return error instanceof ForeignJobError || error instanceof SourceError ? "job" : undefined;
      },
      onFailure: (id, reason, isSetAside) =>
        log(`${id}: ${isSetAside ? "set aside" : "will be tried again"}: ${reason}`),
    });
    signal.throwIfAborted();
    return shards;
  }, () => "its shard goes to another worker");
  if (!quiet) console.log(`Worker ${name}: ${count(shards)} shards`);
}

/** The machine and the process. */
function workerName(): string {
  return `${isGranted({ name: "sys", kind: "hostname" }) ? hostname() : "worker"}-${process.pid}`;
}

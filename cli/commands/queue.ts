// deno-lint-ignore-file no-console
/**
 * Looking after queues.
 *
 * @module
 */

import { openQueue, type Queue } from "../../datasets/mod.ts";
import type { Command } from "../arguments.ts";
import { queueServerOf } from "../datasets/queue_server.ts";
import { statusText } from "../datasets/queue_status.ts";
import type { Options } from "../options.ts";
import { count } from "../text.ts";

export const queueCommands: readonly Command[] = [
  {
    summary: "Show the jobs of a queue, its workers, and what was set aside",
    usage: "queue status ADDRESS",
    operands: ["ADDRESS"],
    options: ["json", "help"],
    examples: ["queue status nats://localhost:4222/imagenet"],
    run: status,
  },
  {
    summary: "Remove the pending jobs of a queue; workers finish theirs and end",
    usage: "queue drain ADDRESS",
    operands: ["ADDRESS"],
    options: ["help"],
    examples: ["queue drain nats://localhost:4222/imagenet"],
    run: drain,
  },
];

async function status([address]: readonly string[], { json }: Options): Promise<void> {
  await using queue: Queue = await openQueue(await queueServerOf(address));
  const found = await queue.status();
  console.log(json ? JSON.stringify(found, null, 2) : statusText(found));
}

async function drain([address]: readonly string[]): Promise<void> {
  await using queue: Queue = await openQueue(await queueServerOf(address));
  console.log(`Removed ${count(await queue.drain())} pending jobs`);
}

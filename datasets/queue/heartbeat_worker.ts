/**
 * Tells the server that a job is being worked on. A thread of its own, since computing may block the one with the job.
 * `deno task codecs` bundles it into heartbeat_program.gen.js.
 *
 * @module
 */

import { parentPort } from "node:worker_threads";
import type { QueueServer } from "./address.ts";
import { connectTo } from "./server.ts";

/** What this thread receives. */
export type HeartbeatMessage =
  | { readonly server: QueueServer; readonly interval: number }
  | { readonly subject: string | undefined }
  | "alive";

/** What tells JetStream that a message is in progress. */
const IN_PROGRESS = "+WPI";
/** Milliseconds without a sign of the other thread after which it counts as stuck, and its job may go to another. */
const STUCK = 15 * 60_000;

/** The program of the thread. */
export function sendHeartbeats(): void {
  let subject: string | undefined;
  let lastSign = 0;

  parentPort!.on("message", async (message: HeartbeatMessage) => {
    lastSign = Date.now();
    if (message === "alive") return;
    if ("subject" in message) {
      subject = message.subject;
      return;
    }
    const connection = await connectTo(message.server);
    parentPort!.postMessage("ready");
    setInterval(() => {
      const isStuck = Date.now() - lastSign > STUCK;
      if (subject !== undefined && !isStuck && !connection.isClosed()) connection.publish(subject, IN_PROGRESS);
    }, message.interval);
  });
}

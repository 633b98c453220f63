/**
 * Tells the server that a job is being worked on. A thread of its own, since computing may block the one with the job.
 *
 * @module
 */

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

/** This thread, whose type is that of a window for the type checker. */
const scope = globalThis as unknown as Pick<Worker, "postMessage" | "onmessage">;

let subject: string | undefined;
let lastSign = 0;

scope.onmessage = async ({ data }: MessageEvent<HeartbeatMessage>) => {
  lastSign = Date.now();
  if (data === "alive") return;
  if ("subject" in data) {
    subject = data.subject;
    return;
  }
  const connection = await connectTo(data.server);
  scope.postMessage("ready");
  setInterval(() => {
    const isStuck = Date.now() - lastSign > STUCK;
    if (subject !== undefined && !isStuck && !connection.isClosed()) connection.publish(subject, IN_PROGRESS);
  }, data.interval);
};

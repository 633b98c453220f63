/** The threads of the CPU engine, which are Node's workers in Deno too. */
import process from "node:process";
import type { Worker } from "node:worker_threads";

/** Calls `onStart` with each thread that starts while a task runs. */
export async function withThreads(onStart: (thread: Worker) => void, task: () => Promise<void>): Promise<void> {
  process.on("worker", onStart);
  try {
    await task();
  } finally {
    process.off("worker", onStart);
  }
}

/** Lets a thread get no messages, so that it never replies. */
export function silence(thread: Worker): void {
  thread.postMessage = () => {};
}

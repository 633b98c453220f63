/**
 * A queue of jobs for workers on many machines.
 *
 * @module
 */

import type { QueueServer } from "./address.ts";
import { drainJobs, forgetJobs, publishJob, readStatus } from "./jobs.ts";
import { connectQueue } from "./streams.ts";
import type { Job, QueueOptions, QueueStatus, WorkOptions } from "./types.ts";
import { workOn } from "./work.ts";

/** An open queue. Disposing of it closes the connection; the jobs stay on the server. */
export interface Queue extends AsyncDisposable {
  /** Its name. */
  readonly name: string;

  /**
   * Publishes a job, unless it is pending or running already.
   *
   * @param id its name, any text
   * @param value what a worker gets, any JSON value. Servers limit its size, usually to 1 MiB
   * @returns whether it was published
   * @throws {RangeError} if it is larger than the server's limit
   */
  publish(id: string, value: unknown): Promise<boolean>;

  /** Forgets finished jobs, those that were set aside, and workers. */
  forget(): Promise<void>;

  /**
   * Takes jobs and handles them, one at a time. A job is acknowledged when `handle` has returned; if that throws, it is
   * tried again, and after five deliveries set aside with the reason. While it is handled, another thread tells the
   * server so.
   *
   * @param handle returns the number of pictures, for the status. It must leave a valid state if its job is handled by
   * another worker at the same time, or again
   * @returns number of jobs that this worker finished
   */
  work(handle: (job: Job) => Promise<number>, options: WorkOptions): Promise<number>;

  /** Counts the jobs, and lists those that were set aside and the workers. */
  status(): Promise<QueueStatus>;

  /** Removes all pending jobs; those that workers have are finished. Returns how many there were. */
  drain(): Promise<number>;
}

/**
 * Connects to a NATS server with JetStream, and makes the queue there if it is new. A connection that is lost comes back by
 * itself.
 *
 * @throws {TypeError} if the server cannot be reached, refuses, or has no JetStream
 */
export async function openQueue(server: QueueServer, options: QueueOptions = {}): Promise<Queue> {
  const streams = await connectQueue(server, options);
  return {
    name: server.name,
    publish: (id, value) => publishJob(streams, id, value),
    forget: () => forgetJobs(streams),
    work: (handle, options) => workOn(streams, handle, options),
    status: () => readStatus(streams),
    drain: () => drainJobs(streams),
    [Symbol.asyncDispose]: () => streams.connection.close(),
  };
}

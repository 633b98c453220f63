/**
 * What callers of a queue see, without the types of NATS.
 *
 * @module
 */

/** Options of {@linkcode openQueue}. */
export interface QueueOptions {
  /**
   * Milliseconds of a worker's silence after which its job is given to another; default what the queue was made with, or
   * 30 seconds.
   */
  readonly redelivery?: number;
}

/** A job as a worker gets it. */
export interface Job {
  /** Its name. */
  readonly id: string;
  /** What was published. */
  readonly value: unknown;
  /** Call it while the job makes progress: a job without progress for 15 minutes may be given to another worker. */
  readonly alive: () => void;
}

/** Options of {@linkcode Queue.work}. */
export interface WorkOptions {
  /** The worker's name in the status. */
  readonly worker: string;
  /** Whether to wait for more jobs when there are none; by default the worker ends when none is pending or running. */
  readonly keep?: boolean;
  /** Ends the worker; its job goes to another. */
  readonly signal?: AbortSignal;
  /** Called when a job failed, and will be tried again or was set aside. */
  readonly onFailure?: (id: string, reason: string, isSetAside: boolean) => void;
  /**
   * Whose fault an error is: of the job, which no worker can do, or of this worker, which ends with that error. If neither is
   * known, it ends when three different jobs failed in a row, so that it does not use up the deliveries of all.
   */
  readonly faultOf?: (error: unknown) => "job" | "worker" | undefined;
}

/** The state of a queue. */
export interface QueueStatus {
  /** Number of jobs that no worker has. */
  readonly pending: number;
  /** Number of jobs that a worker has. */
  readonly running: number;
  /** Number of finished jobs. */
  readonly done: number;
  /** Jobs that were set aside. */
  readonly failed: readonly { readonly id: string; readonly reason: string }[];
  /** The workers that were heard of. */
  readonly workers: readonly WorkerState[];
}

/** What a worker did. */
export interface WorkerState {
  /** Its name. */
  readonly id: string;
  /** Jobs that it finished. */
  readonly jobs: number;
  /** Pictures in them. */
  readonly pictures: number;
  /** Seconds that they took. */
  readonly seconds: number;
  /** When it last finished one, by the server's clock. */
  readonly lastSeen: Date;
}

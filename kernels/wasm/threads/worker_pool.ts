/**
 * The thread pool of workers that share the memory. The calling thread does not compute, so its event loop stays free.
 *
 * @module
 */

import { within } from "../../host/deadline.ts";
import { DeviceError } from "../../errors.ts";
import { settleAll } from "../../host/settle.ts";
import { Respondent } from "../../host/worker.ts";
import { type Kernels, loadTemplate, moduleFor } from "./module.ts";
import { BARRIER, CONTROL } from "../abi.ts";
import type { ThreadPool } from "./thread_pool.ts";
import { type Order, type Reply, type Setup, threadProgram } from "./worker.ts";

type Thread = Respondent<Setup | Order, Reply>;

/** How long threads may take to start. Usually they take 0.1 to 0.2 seconds. */
const START_MS = 10_000;

/** Sends a message, and waits until it was processed. */
async function ask(thread: Thread, message: Setup | Order): Promise<void> {
  const { error } = await thread.ask(message);
  if (error !== undefined) throw new DeviceError(`A thread failed: ${error}`);
}

/**
 * Starts `threads` workers on a shared memory.
 *
 * @throws {DeviceError} where that is not possible, or takes too long
 */
export async function createWorkerPool(
  memory: WebAssembly.Memory,
  threads: number,
  signal?: AbortSignal,
): Promise<ThreadPool> {
  let kernels: Kernels | undefined;
  /** Why the pool cannot compute any more. */
  let failure: DeviceError | undefined;
  const fail = (cause: unknown) =>
    failure ??= new DeviceError(kernels ? endedBecause(cause) : refusedBecause(cause), { cause });
  const workers = Array.from({ length: threads }, (): Thread => new Respondent(fail));
  const end = (reason: string) => {
    failure ??= new DeviceError(reason);
    for (const worker of workers) worker.fail(failure);
  };
  try {
    const late = () => new DeviceError(`${threads} threads did not start within ${START_MS / 1000} seconds`);
    kernels = await within({ milliseconds: START_MS, late, signal }, startThreads(workers, memory));
  } catch (error) {
    end("The other threads could not start");
    throw error;
  }
  let control: Int32Array | undefined = new Int32Array(memory.buffer, CONTROL, BARRIER / 4 + 1);
  const stop = () => stopThreads(control);
  return {
    threads,
    get lost() {
      return failure !== undefined && kernels !== undefined;
    },
    kernels() {
      if (!kernels) throw new DeviceError("The engine was disposed");
      return kernels;
    },
    async run(jobs, count, signal) {
      signal?.throwIfAborted();
      if (failure) throw failure;
      if (control) Atomics.store(control, 0, 0);
      signal?.addEventListener("abort", stop);
      try {
        const work = workers.map((worker) => ask(worker, { jobs, count }));
        for (const done of work) done.catch(stop);
        await settleAll(work);
      } finally {
        signal?.removeEventListener("abort", stop);
      }
      signal?.throwIfAborted();
    },
    dispose() {
      stop();
      kernels = control = undefined; // releases the memory
      end("The engine was disposed");
    },
  };
}

function endedBecause(cause: unknown): string {
  return `A thread ended unexpectedly (${cause ?? "without a reason"}); load the model again`;
}

/** Browsers give no reason for most workers that they refuse. */
function refusedBecause(cause: unknown): string {
  return cause === undefined
    ? "a worker was refused; in a browser, a content security policy has to allow worker-src blob:"
    : `a worker ended (${cause})`;
}

/** Starts the workers while compiling their modules. Returns the kernels on the calling thread. */
async function startThreads(workers: readonly Thread[], memory: WebAssembly.Memory): Promise<Kernels> {
  const template = loadTemplate();
  const compiling = workers.map(async (_, thread) =>
    await WebAssembly.compile(moduleFor(await template, thread, true))
  );
  await Promise.all(workers.map(async (worker, thread) => {
    worker.start(threadProgram);
    const module = await compiling[thread];
    await ask(worker, { module, memory, thread, threads: workers.length, stop: CONTROL, barrier: CONTROL + BARRIER });
  }));
  const instance = await WebAssembly.instantiate(await compiling[0], { env: { memory } });
  return instance.exports as unknown as Kernels;
}

/** Makes all threads return after their current job; see assembly/main.ts. */
function stopThreads(control: Int32Array | undefined): void {
  if (!control) return;
  Atomics.store(control, 0, 1);
  Atomics.add(control, BARRIER / 4, 1);
  Atomics.notify(control, BARRIER / 4);
}

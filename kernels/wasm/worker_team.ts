/**
 * Threads: workers that share the memory. The calling thread does not compute, so its event loop stays free.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import { type Kernels, loadTemplate, moduleFor } from "./module.ts";
import { CONTROL, TURN } from "./shared.ts";
import type { Team } from "./team.ts";
import { type Order, type Setup, startThread, type Thread } from "./worker.ts";

/** A worker that answers each message with one reply. */
class Member {
  #thread: Thread | undefined;
  #failure: DeviceError | undefined;
  #settle: ((error?: DeviceError) => void) | undefined;

  /** Starts the worker. */
  async start(): Promise<void> {
    this.#thread = await startThread({
      reply: ({ error }) =>
        this.#answer(error === undefined ? undefined : new DeviceError(`A thread failed: ${error}`)),
      fail: (cause) => this.fail(new DeviceError(`A thread ended unexpectedly: ${cause}`, { cause })),
    });
    if (this.#failure) throw this.#failure;
  }

  /** Sends a message and waits for its reply; the process stays alive meanwhile. */
  ask(message: Setup | Order): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure || !this.#thread) return reject(this.#failure);
      this.#settle = (error) => error ? reject(error) : resolve();
      this.#thread.hold(true);
      this.#thread.post(message);
    });
  }

  /** Ends the worker; it fails now and from now on. */
  fail(error: DeviceError): void {
    this.#failure ??= error;
    this.#answer(this.#failure);
    this.#thread?.terminate();
  }

  #answer(error?: DeviceError): void {
    this.#thread?.hold(false);
    this.#settle?.(error);
    this.#settle = undefined;
  }
}

/** Starts `threads` workers on a shared memory. Rejects where that is not possible. */
export async function createWorkerTeam(memory: WebAssembly.Memory, threads: number): Promise<Team> {
  const members = Array.from({ length: threads }, () => new Member());
  const end = (reason: string) => members.forEach((member) => member.fail(new DeviceError(reason)));
  let kernels: Kernels | undefined;
  try {
    kernels = await startMembers(members, memory);
  } catch (error) {
    end("The other threads could not start");
    throw error;
  }
  let control: Int32Array | undefined = new Int32Array(memory.buffer, CONTROL, TURN / 4 + 1);
  const stop = () => stopThreads(control);
  return {
    threads,
    kernels() {
      if (!kernels) throw new DeviceError("The engine was disposed");
      return kernels;
    },
    async run(jobs, count, signal) {
      signal?.throwIfAborted();
      if (control) Atomics.store(control, 0, 0);
      signal?.addEventListener("abort", stop);
      try {
        const work = members.map((member) => member.ask({ jobs, count }));
        for (const done of work) done.catch(stop);
        for (const { status, reason } of await Promise.allSettled(work) as PromiseRejectedResult[]) {
          if (status === "rejected") throw reason;
        }
      } finally {
        signal?.removeEventListener("abort", stop);
      }
      signal?.throwIfAborted();
    },
    dispose() {
      stop();
      kernels = control = undefined; // they hold the memory
      end("The engine was disposed");
    },
  };
}

/** Starts the workers, and compiles each one's module meanwhile. Returns the kernels on the calling thread. */
async function startMembers(members: readonly Member[], memory: WebAssembly.Memory): Promise<Kernels> {
  const template = loadTemplate();
  const compiling = members.map(async (_, thread) =>
    await WebAssembly.compile(moduleFor(await template, thread, true))
  );
  await Promise.all(members.map(async (member, thread) => {
    const [module] = await Promise.all([compiling[thread], member.start()]);
    await member.ask({ module, memory, thread, threads: members.length, stop: CONTROL, turn: CONTROL + TURN });
  }));
  const instance = await WebAssembly.instantiate(await compiling[0], { env: { memory } });
  return instance.exports as unknown as Kernels;
}

/** Makes all threads return after the job at hand; see assembly/main.ts. */
function stopThreads(control: Int32Array | undefined): void {
  if (!control) return;
  Atomics.store(control, 0, 1);
  Atomics.add(control, TURN / 4, 1);
  Atomics.notify(control, TURN / 4);
}

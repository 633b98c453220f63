/**
 * Threads: workers that share the memory. The calling thread does not compute, so its event loop stays free.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import { Respondent } from "../worker.ts";
import { type Kernels, loadTemplate, moduleFor } from "./module.ts";
import { CONTROL, TURN } from "./shared.ts";
import type { Team } from "./team.ts";
import { type Order, type Reply, type Setup, threadProgram } from "./worker.ts";

type Member = Respondent<Setup | Order, Reply>;

function endedUnexpectedly(cause: unknown): DeviceError {
  return new DeviceError(`A thread ended unexpectedly: ${cause}`, { cause });
}

/** Sends a message, and waits until it is done. */
async function ask(member: Member, message: Setup | Order): Promise<void> {
  const { error } = await member.ask(message);
  if (error !== undefined) throw new DeviceError(`A thread failed: ${error}`);
}

/** Starts `threads` workers on a shared memory. Rejects where that is not possible. */
export async function createWorkerTeam(memory: WebAssembly.Memory, threads: number): Promise<Team> {
  const members = Array.from({ length: threads }, (): Member => new Respondent(endedUnexpectedly));
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
        const work = members.map((member) => ask(member, { jobs, count }));
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
    const [module] = await Promise.all([compiling[thread], member.start(threadProgram)]);
    await ask(member, { module, memory, thread, threads: members.length, stop: CONTROL, turn: CONTROL + TURN });
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

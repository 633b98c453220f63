/**
 * What runs in a worker, and how to start one in Deno, in Node and in a browser.
 *
 * The worker's code travels as text, so that it needs neither a permission nor a file beside the package.
 *
 * @module
 */

import type { Kernels } from "./module.ts";

/** To a worker, first: what it needs to become a thread. */
export interface Setup {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly thread: number;
  readonly threads: number;
  /** Byte addresses of the words that stop all threads; see assembly/main.ts. */
  readonly stop: number;
  readonly turn: number;
}

/** To a worker, from then on: a list of jobs. */
export interface Order {
  readonly jobs: number;
  readonly count: number;
}

/** From a worker: it is ready, or has run its jobs; or why it could not. */
export interface Reply {
  readonly error?: string;
}

/** One end of a worker. */
export interface Thread {
  post(message: Setup | Order): void;
  /** Whether waiting for this worker keeps the process alive. */
  hold(alive: boolean): void;
  terminate(): void;
}

/** What a worker's owner is told. */
export interface Listener {
  reply(reply: Reply): void;
  /** The worker is gone. */
  fail(cause: unknown): void;
}

/** The messages' other end, alike in Node's workers and in the web's. */
interface Port {
  onmessage: ((event: { data: Setup | Order }) => void) | null;
  postMessage(reply: Reply): void;
}

/** The whole program of a worker. Its text is sent, so it must not refer to anything in this module. */
async function main(node: boolean): Promise<void> {
  const port: Port = node
    ? (await import("node:worker_threads")).parentPort as unknown as Port
    : globalThis as unknown as Port;
  let setup: Setup, kernels: Kernels;

  async function prepare(message: Setup) {
    setup = message;
    const instance = await WebAssembly.instantiate(setup.module, { env: { memory: setup.memory } });
    kernels = instance.exports as unknown as Kernels;
    kernels.initialize();
  }

  function compute(order: Order) {
    try {
      kernels.run(order.jobs, order.count, setup.thread, setup.threads);
    } catch (error) {
      // The other threads must not wait for this one.
      const words = new Int32Array(setup.memory.buffer);
      Atomics.store(words, setup.stop / 4, 1);
      Atomics.add(words, setup.turn / 4, 1);
      Atomics.notify(words, setup.turn / 4);
      throw error;
    }
  }

  port.onmessage = async ({ data }) => {
    try {
      if ("module" in data) await prepare(data);
      else compute(data);
      port.postMessage({});
    } catch (error) {
      port.postMessage({ error: String(error) });
    }
  };
}

/** Starts a worker. */
export async function startThread(listener: Listener): Promise<Thread> {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  return process?.versions?.node ? await startNodeThread(listener) : startWebThread(listener);
}

/** Node's workers, which Deno has too: unlike the web's they can let the process end. */
async function startNodeThread(listener: Listener): Promise<Thread> {
  const { Worker } = await import("node:worker_threads");
  const worker = new Worker(`(${main})(true)`, { eval: true });
  worker.on("message", (reply: Reply) => listener.reply(reply));
  worker.on("error", (error: unknown) => listener.fail(error));
  worker.on("messageerror", (error: unknown) => listener.fail(error));
  worker.on("exit", (code: number) => listener.fail(new Error(`exit code ${code}`)));
  return {
    post: (message) => worker.postMessage(message),
    hold: (alive) => alive ? worker.ref() : worker.unref(),
    terminate: () => void worker.terminate(),
  };
}

function startWebThread(listener: Listener): Thread {
  const url = URL.createObjectURL(new Blob([`(${main})(false)`], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<Reply>) => listener.reply(data);
  worker.onerror = (event: ErrorEvent) => {
    event.preventDefault();
    listener.fail(event.error ?? event.message);
  };
  worker.onmessageerror = () => listener.fail(new Error("a message could not be read"));
  return {
    post: (message) => worker.postMessage(message),
    hold() {},
    terminate() {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}

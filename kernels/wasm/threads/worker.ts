/**
 * What runs in a worker.
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

/** The program of a thread. */
export function threadProgram(node: boolean): string {
  return `(${main})(${node})`;
}

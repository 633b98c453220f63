/**
 * The program of a worker, and its messages.
 *
 * @module
 */

/** The first message to a worker: its module and memory. */
export interface Setup {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly thread: number;
  readonly threads: number;
  /** Addresses of the stop flag and the barrier; see assembly/main.ts. */
  readonly stop: number;
  readonly barrier: number;
}

/** Each further message to a worker: a list of jobs. */
export interface Order {
  readonly jobs: number;
  readonly count: number;
}

/** A worker's reply to each message: done, or why not. */
export interface Reply {
  readonly error?: string;
}

/** The program of a worker. It is a text, as bundlers rename and extend what they find in functions. */
const PROGRAM = `
let setup, kernels;

async function prepare(message) {
  setup = message;
  const instance = await WebAssembly.instantiate(setup.module, { env: { memory: setup.memory } });
  kernels = instance.exports;
  kernels.initialize();
}

function compute({ jobs, count }) {
  try {
    kernels.run(jobs, count, setup.thread, setup.threads);
  } catch (error) {
    // The other threads must not wait for this one.
    const words = new Int32Array(setup.memory.buffer);
    Atomics.store(words, setup.stop / 4, 1);
    Atomics.add(words, setup.barrier / 4, 1);
    Atomics.notify(words, setup.barrier / 4);
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
`;

/** The text of a worker's program, for Node's workers or the web's. */
export function threadProgram(node: boolean): string {
  return `const port = ${
    node ? 'process.getBuiltinModule("node:worker_threads").parentPort' : "globalThis"
  };\n${PROGRAM}`;
}

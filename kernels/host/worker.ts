/**
 * Starts workers in Deno, in Node and in browsers.
 *
 * A worker's program is passed as text, so that it needs neither a permission nor a file beside the package, and no bundler
 * changes it.
 *
 * @module
 */

import { findNodeModule } from "./node_modules.ts";

/** One end of a worker. */
interface WorkerEnd<Message> {
  post(message: Message): void;
  /** Sets whether this worker keeps the process alive. */
  hold(alive: boolean): void;
  terminate(): void;
}

/** Callbacks of a worker's owner. */
interface WorkerListener<Reply> {
  reply(reply: Reply): void;
  /** The worker ended. */
  fail(cause: unknown): void;
}

/** A worker that answers each message with one reply. */
export class Respondent<Message, Reply> {
  readonly #toError: (cause: unknown) => Error;
  #end: WorkerEnd<Message> | undefined;
  #failure: Error | undefined;
  #settle: ((reply?: Reply) => void) | undefined;

  /** A worker that is not started yet. `toError` converts the cause of its end. */
  constructor(toError: (cause: unknown) => Error) {
    this.#toError = toError;
  }

  /**
   * Starts the worker. `program` returns its text for Node's workers or for web workers. It may use neither `import` nor
   * `require`: Node takes it for a module or not, depending on how the process was started.
   */
  start(program: (node: boolean) => string): void {
    const listener = {
      reply: (reply: Reply) => this.#answer(reply),
      fail: (cause: unknown) => this.fail(this.#toError(cause)),
    };
    const threads = findNodeModule("node:worker_threads");
    this.#end = threads ? startNodeWorker(threads, program(true), listener) : startWebWorker(program(false), listener);
    if (this.#failure) {
      this.#end.terminate();
      throw this.#failure;
    }
    this.#end.hold(false); // until it is asked
  }

  /** Sends a message and waits for the reply, which keeps the process alive. */
  ask(message: Message): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#failure || !this.#end) return reject(this.#failure);
      this.#settle = (reply) => reply === undefined ? reject(this.#failure) : resolve(reply);
      this.#end.hold(true);
      this.#end.post(message);
    });
  }

  /** Terminates the worker: requests reject with `error` from now on. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#answer();
    this.#end?.terminate();
  }

  #answer(reply?: Reply): void {
    this.#end?.hold(false);
    this.#settle?.(reply);
    this.#settle = undefined;
  }
}

/** Node's workers, which Deno has too: unlike web workers they need not keep the process alive. */
function startNodeWorker<Message, Reply>(
  { Worker }: typeof import("node:worker_threads"),
  program: string,
  listener: WorkerListener<Reply>,
): WorkerEnd<Message> {
  const worker = new Worker(program, { eval: true });
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

function startWebWorker<Message, Reply>(program: string, listener: WorkerListener<Reply>): WorkerEnd<Message> {
  const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
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

/**
 * Calls to a worker: requests and replies over a port, with typed methods, progress, cancellation and errors.
 *
 * A caller sends `{ id, method, argument }`, or `{ abort: id }`. It receives any number of `{ id, progress }` and then either
 * `{ id, result }` or `{ id, error }`. Array buffers of results are transferred; those of arguments are copied, since the
 * caller may still need them.
 *
 * @module
 */

/** What a method knows of a call. */
export interface CallContext {
  /** Aborted when the caller aborts. */
  readonly signal: AbortSignal;
  /** Reports progress to the caller. */
  progress(value: unknown): void;
}

/** Methods by name, each with one argument. */
export type Methods<M> = { [K in keyof M]: (argument: never, context: CallContext) => unknown };

/** The argument of a method. */
export type Argument<F> = F extends (argument: infer T, context: CallContext) => unknown ? T : never;
/** The result of a method. */
export type Result<F> = F extends (argument: never, context: CallContext) => infer T ? Awaited<T> : never;

/** Options of a call. */
export interface CallOptions {
  /** Aborts the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called with whatever the method reports. */
  readonly onProgress?: (value: unknown) => void;
}

/** The caller's end. */
export interface Remote<M extends Methods<M>> {
  /** Calls a method. */
  call<K extends keyof M & string>(
    method: K,
    argument: Argument<M[K]>,
    options?: CallOptions,
  ): Promise<Result<M[K]>>;
}

/** A worker's end or a caller's end: a `Worker`, the global of a worker, or a `MessagePort`. */
export interface Port {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
}

interface Request {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly progress?: unknown;
  readonly error?: SentError;
}

/** What is sent of an error. */
interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

/** A call that waits for its reply. */
interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  readonly onProgress?: (value: unknown) => void;
}

/** Calls the methods that the other end serves. */
export function connect<M extends Methods<M>>(port: Port): Remote<M> {
  const pending = new Map<number, Pending>();
  let failure: Error | undefined;
  let lastId = 0;

  port.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
    const call = pending.get(data.id);
    if (!call) return; // aborted
    if ("progress" in data) return call.onProgress?.(data.progress);
    pending.delete(data.id);
    if (data.error) call.reject(receiveError(data.error));
    else call.resolve(data.result);
  });
  port.addEventListener("error", (event) => {
    failure = new Error(`The worker ended: ${event.message || "it could not be started"}`);
    for (const { reject } of pending.values()) reject(failure);
    pending.clear();
  });

  return {
    call(method, argument, { signal, onProgress } = {}) {
      if (failure) return Promise.reject(failure);
      if (signal?.aborted) return Promise.reject(signal.reason);
      const id = ++lastId;
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      pending.set(id, { resolve, reject, onProgress });
      port.postMessage({ id, method, argument } satisfies Request);
      const abort = () => {
        pending.delete(id);
        port.postMessage({ abort: id });
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      return promise.finally(() => signal?.removeEventListener("abort", abort)) as Promise<never>;
    },
  };
}

/** Serves methods to the other end. */
export function serve<M extends Methods<M>>(port: Port, methods: M): void {
  const running = new Map<number, AbortController>();

  async function answer({ id, method, argument }: Request): Promise<void> {
    const controller = new AbortController();
    running.set(id, controller);
    const context = { signal: controller.signal, progress: (progress: unknown) => port.postMessage({ id, progress }) };
    try {
      const result = await methods[method as keyof M](argument as never, context);
      if (!controller.signal.aborted) port.postMessage({ id, result }, buffersOf(result));
    } catch (error) {
      if (!controller.signal.aborted) port.postMessage({ id, error: sendError(error) });
    } finally {
      running.delete(id);
    }
  }

  port.addEventListener("message", ({ data }: MessageEvent<Request | { abort: number }>) => {
    if ("abort" in data) running.get(data.abort)?.abort();
    else void answer(data);
  });
}

/** The buffers in a value, which are transferred instead of copied. */
function buffersOf(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return value.buffer instanceof ArrayBuffer ? [value.buffer] : [];
  if (typeof value !== "object" || value === null || value instanceof Blob) return [];
  return [...new Set(Object.values(value).flatMap(buffersOf))];
}

function sendError(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: "Error", message: `${error}` };
  const { name, message, stack } = error;
  return { name, message, stack };
}

function receiveError({ name, message, stack }: SentError): Error {
  const kinds: Record<string, ErrorConstructor> = { TypeError, RangeError };
  const error = new (kinds[name] ?? Error)(message);
  return Object.assign(error, { name, stack });
}

/**
 * Calls to a worker: requests and replies over a port, with typed methods, progress, cancellation and errors.
 *
 * A caller sends `{ id, method, argument }` or `{ abort: id }`. It receives any number of `{ id, progress }`, then either
 * `{ id, result }` or `{ id, error }`; besides, `{ notice }` at any time. Array buffers of results are transferred; those of
 * arguments are copied, since the caller may still need them.
 *
 * npm:comlink has no cancellation, and errors lose their class.
 *
 * @module
 */

import { receiveError, sendError, type SentError } from "./errors.ts";

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
export interface RemoteCallOptions {
  /** Aborts the call: it rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called with whatever the method reports. If it throws, the call is aborted and rejects with that error. */
  onProgress?: (value: unknown) => void;
}

/** The caller's end. */
export interface Remote<M extends Methods<M>> {
  /** Calls a method. */
  call<K extends keyof M & string>(
    method: K,
    argument: Argument<M[K]>,
    options?: RemoteCallOptions,
  ): Promise<Result<M[K]>>;
  /** Closes the port. All calls, pending and later ones, reject with `reason`. */
  close(reason: Error): void;
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

/** A call that waits for its reply. */
interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  report(value: unknown): void;
}

/** What a caller hears of besides the results of its calls. */
export interface ConnectOptions {
  /** Called with notices. */
  onNotice?: (notice: unknown) => void;
  /** Called with results of calls that were aborted before these arrived. */
  onUnclaimed?: (result: unknown) => void;
}

/** Calls the methods that the other end serves. */
export function connect<M extends Methods<M>>(
  port: MessagePort,
  { onNotice, onUnclaimed }: ConnectOptions = {},
): Remote<M> {
  const pending = new Map<number, Pending>();
  let failure: Error | undefined;
  let lastId = 0;

  port.addEventListener("message", ({ data }: MessageEvent<Reply | { notice: unknown }>) => {
    if ("notice" in data) return onNotice?.(data.notice);
    const call = pending.get(data.id);
    if (!call) return "result" in data ? onUnclaimed?.(data.result) : undefined;
    if ("progress" in data) return call.report(data.progress);
    pending.delete(data.id);
    if (data.error) call.reject(receiveError(data.error));
    else call.resolve(data.result);
  });
  port.start();

  /** Sends a request, and registers the call until it is settled. */
  function send(method: string, argument: unknown, { signal, onProgress }: RemoteCallOptions): Promise<unknown> {
    if (failure) throw failure;
    signal?.throwIfAborted();
    const id = ++lastId;
    post(port, { id, method, argument });
    let unlisten = () => {};
    const settled = new Promise<unknown>((resolve, reject) => {
      const abort = (reason: unknown) => {
        pending.delete(id);
        port.postMessage({ abort: id });
        reject(reason);
      };
      const report = (value: unknown) => {
        try {
          onProgress?.(value);
        } catch (error) {
          abort(error);
        }
      };
      const onAbort = () => abort(signal!.reason);
      signal?.addEventListener("abort", onAbort);
      unlisten = () => signal?.removeEventListener("abort", onAbort);
      pending.set(id, { resolve, reject, report });
    });
    return settled.finally(unlisten);
  }

  return {
    call: async (method, argument, options = {}) => await send(method, argument, options) as never,
    close(reason) {
      failure ??= reason;
      for (const { reject } of pending.values()) reject(failure);
      pending.clear();
      port.close();
    },
  };
}

/** Sends a request. */
function post(port: MessagePort, request: Request): void {
  try {
    port.postMessage(request);
  } catch (cause) {
    throw new TypeError(`Cannot send the arguments of ${request.method} to a worker: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Serves methods to the other end. Returns a function that sends notices. */
export function serve<M extends Methods<M>>(port: MessagePort, methods: M): (notice: unknown) => void {
  const running = new Map<number, AbortController>();

  async function answer({ id, method, argument }: Request): Promise<void> {
    const controller = new AbortController();
    running.set(id, controller);
    const context = { signal: controller.signal, progress: (progress: unknown) => port.postMessage({ id, progress }) };
    try {
      const result = await methods[method as keyof M](argument as never, context);
      port.postMessage({ id, result }, buffersOf(result));
    } catch (error) {
      port.postMessage({ id, error: sendError(error) }); // ignored if the caller aborted
    } finally {
      running.delete(id);
    }
  }

  port.addEventListener("message", ({ data }: MessageEvent<Request | { abort: number }>) => {
    if ("abort" in data) running.get(data.abort)?.abort();
    else void answer(data);
  });
  port.start();
  return (notice) => port.postMessage({ notice });
}

/** The buffers in a value, which are transferred instead of copied. */
function buffersOf(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return value.buffer instanceof ArrayBuffer ? [value.buffer] : [];
  if (typeof value !== "object" || value === null || value instanceof Blob) return [];
  return [...new Set(Object.values(value).flatMap(buffersOf))];
}

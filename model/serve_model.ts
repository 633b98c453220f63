/**
 * The worker's end of {@linkcode VQModel.inWorker}.
 *
 * @module
 */

import type { GivenFile } from "../hub/mod.ts";
import type { Tensor } from "../kernels/mod.ts";
import type { DetokenizeOptions, Progress } from "./options.ts";
import { holdLock } from "./worker/lifetime.ts";
import { type ModelState, PORT, SERVING, type WorkerMethods } from "./worker/protocol.ts";
import { serve } from "./worker/rpc.ts";
import { packResult, unpack } from "./worker/wire.ts";
import { VQModel } from "./vq_model.ts";

/** Where {@linkcode serveModel} expects requests: a worker's global scope, or a `MessagePort`, also of Node. */
export interface WorkerPort {
  /** Listens for messages of the owner. */
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  /** Makes a `MessagePort` deliver messages. */
  start?(): void;
}

/**
 * Lets {@linkcode VQModel.inWorker} load models in this worker, which is all that the worker's module has to do: call it
 * before anything is awaited, as messages that arrive earlier are lost. The worker may also receive messages of its own;
 * those of models are objects with the key `vqmodelPort`.
 *
 * @example
 * ```ts ignore
 * import { serveModel } from "@codebook/vqmodel";
 *
 * serveModel();
 * ```
 *
 * @param port where to expect requests. Default: this worker. In a worker of Node, pass `parentPort` of
 * `node:worker_threads`; in a shared worker, `event.ports[0]` of its `connect` event
 * @throws {TypeError} if this is no worker, and there is no `port`
 */
export function serveModel(port?: WorkerPort): void {
  if (!port && !("DedicatedWorkerGlobalScope" in globalThis)) {
    throw new TypeError("Cannot serve models: call serveModel() in a worker, or pass a port");
  }
  const from = port ?? globalThis as unknown as WorkerPort;
  from.addEventListener("message", ({ data }) => {
    if (typeof data === "object" && data?.[PORT]) serveOn(data[PORT]);
  });
  from.start?.();
}

/** Serves one model. */
function serveOn(port: MessagePort): void {
  let model: VQModel | undefined;
  const disposed = new AbortController();
  /** Pictures that may be decoded again in part, by number. */
  const pictures = new Map<number, Tensor>();
  let lastNumber = 0;
  const stateOf = ({ device, dtype, threads }: VQModel): ModelState => ({ device, dtype, threads });
  const methods: WorkerMethods = {
    async load({ source, options }, { signal, progress }) {
      let report: (progress: Progress) => void = progress;
      model = await load(source, { ...options as object, signal, onProgress: (event: Progress) => report(event) });
      report = notify;
      const { config, commit, only, downsamplingFactor, pixelRange } = model;
      const facts = { config, commit, only, downsamplingFactor, pixelRange, parameters: model.numParameters() };
      return { ...facts, ...stateOf(model), lock: await holdLock(disposed.signal) };
    },
    async call({ method, values }, context) {
      const given = await unpack(values, context, pictures) as unknown[];
      const result = await (model![method] as (...values: unknown[]) => unknown).apply(model, given);
      const isKept = method === "detokenize" && canBeEdited(given[1] as DetokenizeOptions);
      const packed = await packResult(result, isKept);
      if (isKept) pictures.set(++lastNumber, result as Tensor);
      return { result: packed, state: stateOf(model!), kept: isKept ? lastNumber : undefined };
    },
    forget(kept) {
      pictures.get(kept)?.dispose();
      pictures.delete(kept);
    },
    dispose() {
      model?.dispose();
      disposed.abort();
      port.close();
    },
  };
  port.addEventListener("close", () => model?.dispose()); // where a runtime tells
  const notify = serve(port, methods);
  notify(SERVING);
}

/** Whether these options make `detokenize` return a picture that may be passed back as `previous`. */
function canBeEdited({ editable, previous }: DetokenizeOptions = {}): boolean {
  return editable || previous !== undefined;
}

function load(source: unknown, options: object): Promise<VQModel> {
  if (typeof source !== "string") return VQModel.fromFiles(source as GivenFile[], options);
  return /^https?:/.test(source) ? VQModel.fromSingleFile(source, options) : VQModel.fromPretrained(source, options);
}

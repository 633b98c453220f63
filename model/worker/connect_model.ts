/**
 * A model in a worker, seen from its owner.
 *
 * @module
 */

import { DISPOSE } from "../../kernels/host/mod.ts";
import {
  DeviceError,
  type DeviceStorage,
  floatsToPixels,
  type MemoryUse,
  type PixelRange,
  type Shape,
  Tensor,
  type TensorData,
} from "../../kernels/mod.ts";
import type { ModelMethods } from "../model_methods.ts";
import type { MemoryOptions, MemoryPlan, Progress } from "../options.ts";
import { watchLock } from "./lifetime.ts";
import {
  type ModelFacts,
  type ModelState,
  PORT,
  REMOTE_METHODS,
  type RemoteMethod,
  type RemoteSource,
  type Reply,
  SERVING,
  type WorkerMethods,
  type WorkerOptions,
} from "./protocol.ts";
import { connect, type Remote, type RemoteCallOptions } from "./rpc.ts";
import { packArgument, unpack } from "./wire.ts";

/** What {@linkcode VQModel.inWorker} needs of a worker: a `Worker`, also of `node:worker_threads`, or a `MessagePort`. */
export interface ModelWorker {
  /** Sends a message to the worker. */
  postMessage(message: unknown, transfer: MessagePort[]): void;
  /** Listens for an error that the worker did not catch. */
  addEventListener?(type: "error", listener: (event: Event) => void, options: { signal: AbortSignal }): void;
}

/**
 * A model in a worker: {@linkcode VQModel.inWorker}. Its methods take and return what those of {@linkcode VQModel} do.
 *
 * Tensors are copied to the worker, and those of results are on the host: only pictures that can be edited are worth
 * disposing, as what `detokenize` keeps for them is on the device. There is no `memoryLimit` to set,
 * only the option; `savePretrained` and `pushToHub` are left out.
 */
export interface WorkerModel extends ModelMethods {
  /** As {@linkcode VQModel.memory}. */
  memory(): Promise<MemoryUse>;
  /** As {@linkcode VQModel.memory} with a shape. */
  memory(options: MemoryOptions): Promise<MemoryPlan>;
  /** Frees all device memory. Calls in progress reject. The worker keeps running. Disposing twice is harmless. */
  dispose(): void;
}

/** How long to wait for a worker to serve a model: its module may have to be downloaded first. */
const ANSWER_SECONDS = 60;

const NO_ANSWER = `Cannot load model: the worker did not answer within ${ANSWER_SECONDS} seconds. ` +
  "Its module must call serveModel() before it awaits anything; check that it is found, and loads without an error";

/** Loads a model in a worker that called {@linkcode serveModel}. */
export async function connectModel(
  worker: ModelWorker,
  source: RemoteSource,
  { signal, onProgress, ...options }: WorkerOptions,
): Promise<WorkerModel> {
  const { port1: port, port2 } = new MessageChannel();
  const remote = connect<WorkerMethods>(port, {
    onNotice: (notice) => notice === SERVING ? clearTimeout(timer) : onProgress?.(notice as Progress),
    onUnclaimed: (reply) => forget(remote, (reply as Partial<Reply>)?.kept),
  });
  const ended = new AbortController();
  const end = (reason: string) => {
    clearTimeout(timer);
    ended.abort();
    remote.close(new DeviceError(reason));
  };
  const dispose = (reason: string) => {
    remote.call("dispose", undefined).catch(() => {}); // it was disposed before, or its worker ended
    end(reason);
  };
  const fail = (event?: Event) => {
    const { message = "it could not be started, or was terminated" } = Object(event) as ErrorEvent;
    end(`The worker of the model ended unexpectedly (${message}); load the model again`);
  };
  const timer = setTimeout(() => end(NO_ANSWER), ANSWER_SECONDS * 1000);
  worker.addEventListener?.("error", fail, { signal: ended.signal });
  port.addEventListener("close", fail, { signal: ended.signal }); // not in every runtime
  try {
    worker.postMessage({ [PORT]: port2 }, [port2]);
    const request = { source: sourceOf(source), options: await packArgument(options, {}) };
    const report = (progress: unknown) => onProgress?.(progress as Progress);
    const { lock, ...loaded } = await remote.call("load", request, { signal, onProgress: report });
    watchLock(lock, ended.signal, fail);
    return modelOf(loaded, remote, () => dispose("Cannot use this engine: the model was disposed"));
  } catch (error) {
    dispose("The model was not loaded");
    throw error;
  }
}

function modelOf(
  { parameters, device, dtype, threads, ...facts }: ModelFacts & ModelState,
  remote: Remote<WorkerMethods>,
  dispose: () => void,
): WorkerModel {
  let state: ModelState = { device, dtype, threads };
  const numberOf = ({ storage }: Tensor) =>
    storage instanceof KeptPicture && storage.remote === remote ? storage.number : undefined;

  async function call(method: RemoteMethod, values: unknown[]): Promise<unknown> {
    const options: RemoteCallOptions = {};
    const request = { method, values: await packArgument(values, options, numberOf) };
    const reply = await remote.call("call", request, options);
    state = reply.state;
    const result = await unpack(reply.result);
    if (reply.kept === undefined) return result;
    const { shape } = result as Tensor;
    const data = await (result as Tensor).data();
    return new Tensor(new KeptPicture(data, shape, reply.kept, remote), shape, "float32");
  }

  const methods = REMOTE_METHODS.map((name) => [name, (...values: unknown[]) => call(name, values)]);
  return {
    ...facts,
    ...Object.fromEntries(methods) as Pick<WorkerModel, RemoteMethod>,
    get device() {
      return state.device;
    },
    get dtype() {
      return state.dtype;
    },
    get threads() {
      return state.threads;
    },
    numParameters: () => parameters,
    dispose,
    [DISPOSE]: dispose,
  };
}

/** A picture on the host that the worker keeps as well, so that it can be decoded again in part. */
class KeptPicture implements DeviceStorage {
  #references = 1;

  constructor(
    private readonly data: TensorData,
    private readonly shape: Shape,
    readonly number: number,
    readonly remote: Remote<WorkerMethods>,
  ) {}

  // deno-lint-ignore require-await -- as for tensors on a device
  async read(): Promise<TensorData> {
    return this.data.slice() as TensorData;
  }

  // deno-lint-ignore require-await -- likewise
  async readPixels(range: PixelRange): Promise<Uint8ClampedArray<ArrayBuffer>> {
    return floatsToPixels(this.data, this.shape, range);
  }

  retain(): void {
    this.#references++;
  }

  release(): void {
    if (--this.#references > 0) return;
    forget(this.remote, this.number);
  }
}

/** Frees a picture that the worker keeps. */
function forget(remote: Remote<WorkerMethods>, kept: number | undefined): void {
  if (kept !== undefined) remote.call("forget", kept).catch(() => {}); // the model was disposed
}

/** What to send of a source: files with their paths, which some browsers do not send with a `File`. */
function sourceOf(source: RemoteSource): unknown {
  if (typeof source === "string" || source instanceof URL) return `${source}`;
  return Array.from(source, (file) => file instanceof File ? [file.webkitRelativePath || file.name, file] : file);
}

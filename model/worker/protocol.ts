/**
 * What a model in a worker and its owner say to each other.
 *
 * @module
 */

import type { GivenFile, ModelHalf } from "../../hub/mod.ts";
import type { Backend, PixelRange } from "../../kernels/mod.ts";
import type { VQConfig } from "../architecture/config.ts";
import type { LoadFileOptions, LoadGivenOptions, LoadOptions } from "../options.ts";
import type { CallContext } from "./rpc.ts";

/** The methods that are called in the worker. */
export const REMOTE_METHODS = [
  ...["encode", "quantize", "decode", "forward", "tokenize", "detokenize"] as const,
  ...["profile", "tune", "codebook", "codes", "memory"] as const,
] as const;

/** Name of a method that is called in the worker. */
export type RemoteMethod = typeof REMOTE_METHODS[number];

/** Key of the message that passes a model's own port to the worker, so that other messages of the worker stay apart. */
export const PORT = "vqmodelPort";

/** The worker's first notice: it serves the model. Later notices are events of `onProgress`. */
export const SERVING = "serving";

/** Where a model in a worker is loaded from. */
export type RemoteSource = string | URL | Iterable<GivenFile>;

/**
 * Options of {@linkcode VQModel.inWorker}: those of the method that loads the model, less functions and objects that cannot
 * be sent to a worker.
 */
export interface WorkerOptions
  extends
    Omit<LoadOptions, "device" | "fetch" | "tuningStore">,
    Omit<LoadFileOptions, "device" | "fetch" | "tuningStore">,
    Omit<LoadGivenOptions, "device" | "fetch" | "tuningStore"> {
  /** Where to compute: `"auto"`, `"webgpu"` or `"wasm"`. Default `"auto"`. */
  device?: "auto" | "webgpu" | "wasm";
}

/** What a model tells of itself without computing. */
export interface ModelFacts {
  readonly config: VQConfig;
  readonly commit: string | undefined;
  readonly only: ModelHalf | undefined;
  readonly downsamplingFactor: number;
  readonly pixelRange: PixelRange;
  readonly parameters: number;
}

/** What changes when a model's device is replaced. */
export type ModelState = Pick<Backend, "device" | "dtype" | "threads">;

/** What a model tells when it is loaded. */
export interface LoadReply extends ModelFacts, ModelState {
  /** Name of a lock that the worker holds; see lifetime.ts. */
  readonly lock?: string;
}

/** What a method returned. */
export interface Reply {
  readonly result: unknown;
  readonly state: ModelState;
  /** The number under which the worker keeps the result, a picture to be passed back as `previous`. */
  readonly kept?: number;
}

/** The methods of the worker's end. */
export interface WorkerMethods {
  load(request: { source: unknown; options: unknown }, context: CallContext): Promise<LoadReply>;
  call(
    request: { method: RemoteMethod; values: unknown },
    context: CallContext,
  ): Promise<Reply>;
  /** The picture that is kept under this number is no longer needed. */
  forget(number: number): void;
  dispose(): void;
}

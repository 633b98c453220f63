/**
 * The worker pool for pictures: at most one worker per core, started on demand and kept for the next call.
 *
 * @module
 */

import { bytesOfBase64, countProcessors, Respondent } from "../../../kernels/host/mod.ts";
import type { Preparation } from "../preparation/prepare.ts";
import type { Raster } from "../raster/raster.ts";
import type { PictureOrder, PictureReply } from "./program.ts";

type PictureWorker = Respondent<PictureOrder, PictureReply>;

/** Size of the pool. */
export const WORKERS: number = countProcessors();

const idle: PictureWorker[] = [];
/** Callers waiting for a worker, first come first served. */
const waiting: ((worker?: PictureWorker) => void)[] = [];
let count = 0;
let program: Promise<(node: boolean) => string> | undefined;

/** No worker can be started, or a worker has ended unexpectedly. */
export class UnavailableError extends Error {}

/**
 * Calls `preparePicture` in a worker. A signal terminates the worker.
 *
 * @throws {UnavailableError} if there is no worker
 */
export async function prepareInWorker(
  file: Uint8Array,
  preparation: Preparation,
  signal?: AbortSignal,
): Promise<Raster> {
  const worker = await take();
  let ended = false;
  const end = () => {
    ended = true;
    worker.fail(signal!.reason);
  };
  signal?.addEventListener("abort", end);
  try {
    signal?.throwIfAborted();
    const { raster, error } = await worker.ask({ file: alone(file), preparation });
    if (raster) return raster;
    throw errorOf(error!);
  } catch (error) {
    ended ||= error instanceof UnavailableError;
    throw error;
  } finally {
    signal?.removeEventListener("abort", end);
    release(ended ? undefined : worker);
  }
}

/** The same bytes in a buffer of their own: a message copies the whole buffer. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}

/** An idle worker, a new one, or the next one that becomes idle. */
async function take(): Promise<PictureWorker> {
  const worker = idle.pop() ?? (count < WORKERS ? undefined : await nextIdle());
  return worker ?? await hire();
}

/** Waits for an idle worker. Resolves to nothing if a worker has ended, so that a new one may be started. */
function nextIdle(): Promise<PictureWorker | undefined> {
  return new Promise((resolve) => waiting.push(resolve));
}

async function hire(): Promise<PictureWorker> {
  count++;
  const worker: PictureWorker = new Respondent((cause) => new UnavailableError(`a worker ended: ${cause}`, { cause }));
  try {
    worker.start(await (program ??= loadProgram()));
    return worker;
  } catch (cause) {
    release();
    throw new UnavailableError("no worker can be started", { cause });
  }
}

/** Passes a worker to the next caller, or keeps it; without one, lets the next caller start another. */
function release(worker?: PictureWorker): void {
  if (!worker) count--;
  const next = waiting.shift();
  if (next) next(worker);
  else if (worker) idle.push(worker);
}

function errorOf({ name, message }: { name: string; message: string }): Error {
  if (name === "TypeError") return new TypeError(message);
  return name === "RangeError" ? new RangeError(message) : new Error(message);
}

/** The inflated program. In Node's workers the port comes from a module; web workers are ports themselves. */
async function loadProgram(): Promise<(node: boolean) => string> {
  const { PROGRAM } = await import("./program.gen.ts");
  const inflated = new Blob([bytesOfBase64(PROGRAM)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const text = await new Response(inflated).text();
  const nodePort = 'globalThis.nodePort = process.getBuiltinModule("node:worker_threads").parentPort;';
  return (node) => node ? `${nodePort}\n${text}` : text;
}

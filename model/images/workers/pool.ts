/**
 * Workers that prepare pictures: as many as the machine has cores, started when they are first needed, kept for the next call.
 *
 * @module
 */

import { bytesOfBase64, Respondent } from "../../../kernels/host/mod.ts";
import type { Preparation } from "../preparation/prepare.ts";
import type { Raster } from "../raster/raster.ts";
import type { PictureOrder, PictureReply } from "./program.ts";

type PictureWorker = Respondent<PictureOrder, PictureReply>;

/** How many pictures are prepared at once. */
export const WORKERS: number = globalThis.navigator?.hardwareConcurrency ?? 1;

const idle: PictureWorker[] = [];
/** Who waits for a worker, in turn. */
const waiting: ((worker?: PictureWorker) => void)[] = [];
let count = 0;
let program: Promise<(node: boolean) => string> | undefined;

/** That there is no worker: none can be started here, or one has ended. */
export class UnavailableError extends Error {}

/**
 * Prepares a picture in a worker, see `preparePicture`. A signal ends the worker, wherever it is in a picture.
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

/** The same bytes in a buffer of their own: what is sent takes its whole buffer with it. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}

/** An idle worker, a new one, or the next that becomes idle. */
async function take(): Promise<PictureWorker> {
  const worker = idle.pop() ?? (count < WORKERS ? undefined : await turn());
  return worker ?? await hire();
}

/** Waits in turn. Nothing comes if a worker has ended: then there may be a new one. */
function turn(): Promise<PictureWorker | undefined> {
  return new Promise((resolve) => waiting.push(resolve));
}

async function hire(): Promise<PictureWorker> {
  count++;
  const worker: PictureWorker = new Respondent((cause) => new UnavailableError(`a worker ended: ${cause}`, { cause }));
  try {
    await worker.start(await (program ??= loadProgram()));
    return worker;
  } catch (cause) {
    release();
    throw new UnavailableError("no worker can be started", { cause });
  }
}

/** Gives a worker to whoever is next, or without one the chance to start another. */
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

/** The program, inflated. Node's workers get their port from a module, the web's are their own. */
async function loadProgram(): Promise<(node: boolean) => string> {
  const { PROGRAM } = await import("./program.gen.ts");
  const inflated = new Blob([bytesOfBase64(PROGRAM)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const text = await new Response(inflated).text();
  return (node) => node ? `globalThis.nodePort = require("node:worker_threads").parentPort;\n${text}` : text;
}

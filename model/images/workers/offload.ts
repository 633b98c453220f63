/**
 * Chooses where to prepare pictures: a single small one here, all others, and those of calls at the same time, in workers.
 *
 * @module
 */

import { openPicture } from "../preparation/decode.ts";
import { type Preparation, preparePicture } from "../preparation/prepare.ts";
import type { Raster } from "../raster/raster.ts";
import { prepareInWorker, UnavailableError } from "./pool.ts";

/** Limits in bytes and nanoseconds below which preparing a file takes less time than starting a worker. */
const SMALL_BYTES = 1_000_000;
const SMALL_TIME = 60e6;

let hasWorkers = true;
/** Number of pictures that are being prepared. */
let active = 0;

/**
 * Calls `preparePicture`: in a worker if the picture is large, one of several, or not the only one that is being
 * prepared, and workers can be started. In a worker, a signal aborts at any time.
 */
export async function offloadPreparation(
  file: Uint8Array,
  preparation: Preparation,
  { alone, signal }: { alone: boolean; signal?: AbortSignal },
): Promise<Raster> {
  const isOnly = active++ === 0 && alone;
  try {
    if (!hasWorkers || (isOnly && await isSmall(file, preparation))) return await preparePicture(file, preparation);
    return await prepareInWorker(file, preparation, signal);
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    hasWorkers = false;
    return await preparePicture(file, preparation);
  } finally {
    active--;
  }
}

async function isSmall(file: Uint8Array, preparation: Preparation): Promise<boolean> {
  return file.length <= SMALL_BYTES && (await openPicture(file, preparation)).cost.time <= SMALL_TIME;
}

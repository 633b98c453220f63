/**
 * Preparing pictures where it disturbs least: large ones and several in workers, a small one here.
 *
 * @module
 */

import { openPicture } from "../preparation/decode.ts";
import { type Preparation, preparePicture } from "../preparation/prepare.ts";
import type { Raster } from "../raster/raster.ts";
import { prepareInWorker, UnavailableError } from "./pool.ts";

/** A file of so few bytes and nanoseconds is prepared sooner than a worker starts. */
const SMALL_BYTES = 1_000_000;
const SMALL_TIME = 60e6;

let hasWorkers = true;

/**
 * Prepares a picture, see `preparePicture`: in a worker if it is large or one of several, and there are workers.
 * There a signal is observed at any time.
 */
export async function prepareAway(
  file: Uint8Array,
  preparation: Preparation,
  { alone, signal }: { alone: boolean; signal?: AbortSignal },
): Promise<Raster> {
  if (!hasWorkers || (alone && await isSmall(file, preparation))) return await preparePicture(file, preparation);
  try {
    return await prepareInWorker(file, preparation, signal);
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    hasWorkers = false;
    return await preparePicture(file, preparation);
  }
}

async function isSmall(file: Uint8Array, preparation: Preparation): Promise<boolean> {
  return file.length <= SMALL_BYTES && (await openPicture(file, preparation)).cost.time <= SMALL_TIME;
}

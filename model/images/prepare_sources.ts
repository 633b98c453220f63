/**
 * From sources of pictures, such as paths and bytes, to prepared pixels.
 *
 * @module
 */

import { MAX_PIXELS } from "./preparation/decode.ts";
import { checkPixels, fitRaster, type Preparation } from "./preparation/prepare.ts";
import { checkWholeNumber } from "./processor_options.ts";
import type { Raster } from "./raster/raster.ts";
import { nameOf, type PictureSource, readSource, toRaster } from "./sources.ts";
import { WORKERS } from "./workers/pool.ts";
import { offloadPreparation } from "./workers/offload.ts";

/** Most files in memory at once: twice as many as workers, so that no worker waits for a file. */
const MAX_FILES = 2 * WORKERS;

/** A picture of the size that was asked for, and whether its source was gray pixels. */
export interface PreparedPicture {
  readonly raster: Raster;
  readonly gray: boolean;
}

/** Prepares pictures concurrently. Errors name the picture. */
export async function prepareSources(
  sources: readonly PictureSource[],
  preparation: Preparation,
  signal?: AbortSignal,
): Promise<PreparedPicture[]> {
  const alone = sources.length === 1;
  const pictures: Promise<PreparedPicture>[] = [];
  for (const [i, source] of sources.entries()) {
    if (i >= MAX_FILES) await pictures[i - MAX_FILES];
    signal?.throwIfAborted();
    const picture = prepareSource(source, preparation, { alone, signal }).catch((error) => {
      throw withPlace(error, source, alone ? undefined : i);
    });
    picture.catch(() => {}); // Promise.all reports the first rejection
    pictures.push(picture);
  }
  return await Promise.all(pictures);
}

async function prepareSource(
  source: PictureSource,
  preparation: Preparation,
  options: { alone: boolean; signal?: AbortSignal },
): Promise<PreparedPicture> {
  const found = await readSource(source, options.signal);
  if (found instanceof Uint8Array) {
    return { raster: await offloadPreparation(found, preparation, options), gray: false };
  }
  const { width, height, data } = found;
  checkWholeNumber("width", width);
  checkWholeNumber("height", height);
  checkPixels(width, height, preparation.maxPixels ?? MAX_PIXELS);
  return { raster: fitRaster(toRaster(found), preparation), gray: data.length === width * height };
}

/** The same error with the picture's index or name in its message. */
function withPlace(error: unknown, source: PictureSource, index?: number): unknown {
  const isOurs = error instanceof TypeError || error instanceof RangeError;
  const name = nameOf(source);
  if (!isOurs || (index === undefined && (name === undefined || error.message.includes(name)))) return error;
  const which = index === undefined ? name : `picture ${index}${name === undefined ? "" : `, ${name}`}`;
  const Same = error.constructor as ErrorConstructor;
  return new Same(`${error.message} (${which})`, { cause: error.cause ?? error });
}

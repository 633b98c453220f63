/**
 * What runs in a picture worker: it prepares pictures, one after the other. `deno task codecs` bundles it to text.
 *
 * @module
 */

import { type Preparation, preparePicture } from "../preparation/prepare.ts";
import type { Raster } from "../raster/raster.ts";

/** To a worker: a picture's file, and what to make of it. */
export interface PictureOrder {
  readonly file: Uint8Array;
  readonly preparation: Preparation;
}

/** From a worker: the pixels, or why there are none. */
export interface PictureReply {
  readonly raster?: Raster;
  readonly error?: { readonly name: string; readonly message: string };
}

/** The messages' other end, alike in Node's workers and in the web's. */
interface Port {
  onmessage: ((event: { data: PictureOrder }) => void) | null;
  postMessage(reply: PictureReply, transfer: ArrayBuffer[]): void;
}

/** Set by the text before this program, where the worker is one of Node's. */
const { nodePort } = globalThis as { nodePort?: Port };
const port = nodePort ?? globalThis as unknown as Port;

port.onmessage = async ({ data: { file, preparation } }) => {
  try {
    const raster = await preparePicture(file, preparation);
    port.postMessage({ raster }, [raster.data.buffer]);
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    port.postMessage({ error: { name, message } }, []);
  }
};

/**
 * The program of picture workers, which prepare one picture at a time. `deno task codecs` bundles it into
 * program.gen.ts.
 *
 * @module
 */

import { type Preparation, preparePicture } from "../preparation/prepare.ts";
import type { Raster } from "../raster/raster.ts";

/** Message to a worker: a picture file, and how to prepare it. */
export interface PictureOrder {
  readonly file: Uint8Array;
  readonly preparation: Preparation;
}

/** Message from a worker: the pixels or an error. */
export interface PictureReply {
  readonly raster?: Raster;
  readonly error?: { readonly name: string; readonly message: string };
}

/** The message port, the same in Node's workers and in web workers. */
interface Port {
  onmessage: ((event: { data: PictureOrder }) => void) | null;
  postMessage(reply: PictureReply, transfer: ArrayBuffer[]): void;
}

/** Set by the code that pool.ts puts before this program in Node's workers. */
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

/**
 * Writes JPEG files: baseline, colour, without chroma subsampling.
 *
 * The encoder is imagescript's, a WebAssembly module without imports.
 *
 * @module
 */

import { bytesOfBase64 } from "../../../../kernels/host/mod.ts";
import type { Raster } from "../../raster/raster.ts";
import { JPEG_ENCODER_WASM } from "./encoder_wasm.gen.ts";

/** What the module exports. Pointers are byte offsets into `memory`. */
interface Encoder {
  readonly memory: WebAssembly.Memory;
  /** Allocates memory. */
  walloc(size: number): number;
  /** Length of the last result. */
  wlen(): number;
  /** Encodes RGBA bytes. */
  encode(rgba: number, width: number, height: number, quality: number): number;
}

/** The longest side that a JPEG header can hold. */
const MAX_SIDE = 65535;

/** A JPEG without chroma subsampling. Alpha is dropped. `quality` is libjpeg's, 1 to 100. */
export function encodeJpeg({ width, height, data }: Raster, quality: number): Uint8Array<ArrayBuffer> {
  if (width > MAX_SIDE || height > MAX_SIDE) {
    throw new RangeError(
      `Cannot encode picture: ${width}×${height} is too large for JPEG, expected sides of at most ${MAX_SIDE}`,
    );
  }
  const encoder = startEncoder();
  const pixels = encoder.walloc(data.length);
  new Uint8Array(encoder.memory.buffer, pixels, data.length).set(data);
  const file = encoder.encode(pixels, width, height, quality);
  return new Uint8Array(encoder.memory.buffer, file, encoder.wlen()).slice();
}

let compiled: WebAssembly.Module | undefined;

/** A new instance for each picture, so that its memory is freed afterwards. */
function startEncoder(): Encoder {
  compiled ??= new WebAssembly.Module(bytesOfBase64(JPEG_ENCODER_WASM));
  return new WebAssembly.Instance(compiled).exports as unknown as Encoder;
}

/**
 * The JPEG decoder of @cornerstonejs/codec-libjpeg-turbo-8bit, a recent libjpeg-turbo. Unlike mozjpeg, it smooths
 * blocks of incomplete progressive files as PIL does.
 *
 * @module
 */

import createTurbo from "@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs";
import { expandSamples } from "../../raster/raster.ts";
import type { Decoder } from "../emscripten.ts";

/** The package's own interface. */
interface TurboDecoder {
  getEncodedBuffer(size: number): Uint8Array;
  /** Throws at every warning and error of libjpeg. */
  decode(): void;
  getFrameInfo(): { width: number; height: number; componentCount: number };
  /** Gray or RGB pixels. */
  getDecodedBuffer(): Uint8ClampedArray;
  delete(): void;
}

/** Starts the decoder. */
export async function createTurboDecoder(options: Record<string, unknown>): Promise<Decoder> {
  const { JPEGDecoder } = await withoutNode(() => createTurbo(options));
  return {
    decode(bytes) {
      const decoder: TurboDecoder = new JPEGDecoder();
      try {
        decoder.getEncodedBuffer(bytes.length).set(bytes);
        decoder.decode();
        const { width, height, componentCount } = decoder.getFrameInfo();
        return { width, height, data: expandSamples(decoder.getDecodedBuffer(), componentCount) };
      } finally {
        decoder.delete();
      }
    },
  };
}

/**
 * Keeps Emscripten's start-up code from calling Node's `require`, which it does not need and a bundle does not have.
 */
function withoutNode<T>(start: () => T): T {
  const process = (globalThis as { process?: { type?: string } }).process;
  if (!process) return start();
  const { type } = process;
  process.type = "renderer"; // as in an Electron window
  try {
    return start();
  } finally {
    process.type = type;
  }
}

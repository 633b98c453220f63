/**
 * The JPEG decoder of @cornerstonejs/codec-libjpeg-turbo-8bit, a recent libjpeg-turbo. Unlike mozjpeg, it smooths
 * blocks of incomplete progressive files as PIL does.
 *
 * @module
 */

import { expandSamples } from "../../raster/raster.ts";
import type { Decoder } from "../emscripten.ts";
import createTurbo from "./turbo_glue.gen.js";

/** Starts the decoder. */
export async function createTurboDecoder(options: Record<string, unknown>): Promise<Decoder> {
  const { JPEGDecoder } = await createTurbo(options);
  return {
    decode(bytes) {
      const decoder = new JPEGDecoder();
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

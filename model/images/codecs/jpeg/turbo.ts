/**
 * The JPEG decoder of @cornerstonejs/codec-libjpeg-turbo-8bit, a libjpeg-turbo of today: it smooths blocks of which some
 * bits were not sent as PIL's does, which mozjpeg's does not.
 *
 * @module
 */

import createTurbo from "@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs";
import type { Decoder } from "../emscripten.ts";

/** The package's own interface. */
interface TurboDecoder {
  getEncodedBuffer(size: number): Uint8Array;
  /** Throws if libjpeg has anything to complain of. */
  decode(): void;
  getFrameInfo(): { width: number; height: number; componentCount: number };
  /** The pixels, gray or RGB. */
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
        return { width, height, data: toRgba(decoder.getDecodedBuffer(), componentCount) };
      } finally {
        decoder.delete();
      }
    },
  };
}

/** Has Emscripten's start not look for Node's `require`, which it needs for nothing here, and a bundle does not have. */
function withoutNode<T>(start: () => T): T {
  const process = (globalThis as { process?: { type?: string } }).process;
  if (!process) return start();
  const { type } = process;
  process.type = "renderer"; // as in a window of Electron
  try {
    return start();
  } finally {
    process.type = type;
  }
}

function toRgba(samples: Uint8ClampedArray, channels: number): Uint8ClampedArray<ArrayBuffer> {
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2];
  const data = new Uint8ClampedArray(samples.length / channels * 4);
  for (let from = 0, to = 0; to < data.length; from += channels, to += 4) {
    data[to] = samples[from];
    data[to + 1] = samples[from + green];
    data[to + 2] = samples[from + blue];
    data[to + 3] = 255;
  }
  return data;
}

/** Pictures computed by a formula, like those of tests/fixtures/pictures/*.py, and functions to compare them. */
import { createHash } from "node:crypto";
import type { Raster } from "../../../model/images/raster/raster.ts";
import { fixture } from "../../support/paths.ts";

/** Samples are the high bytes of a linear congruential generator, or only 0 and 255. */
export function syntheticPicture(width: number, height: number, seed: number, contrast: boolean): Raster {
  const data = new Uint8ClampedArray(4 * width * height);
  let state = seed;
  for (let at = 0; at < data.length; at += 4) {
    for (let c = 0; c < 3; c++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      data[at + c] = contrast ? 255 * (state >>> 31) : state >>> 24;
    }
    data[at + 3] = 255;
  }
  return { width, height, data };
}

/** The red, green and blue bytes. */
export function rgbOf({ data }: Raster): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(data.filter((_, i) => i % 4 < 3));
}

/** SHA-256 of the red, green and blue bytes, in hexadecimal. */
export function sha256Of(picture: Raster): string {
  return createHash("sha256").update(rgbOf(picture)).digest("hex");
}

/** Whether every alpha byte is 255. */
export function isOpaque({ data }: Raster): boolean {
  return data.every((byte, i) => i % 4 < 3 || byte === 255);
}

/** Reads a list written by a script of tests/fixtures/pictures. */
export function readCases<T>(name: string): T[] {
  return JSON.parse(Deno.readTextFileSync(fixture(`pictures/${name}`)));
}

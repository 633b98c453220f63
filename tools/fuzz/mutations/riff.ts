/**
 * Damages chunks of RIFF files, such as WebP, and corrects lengths.
 *
 * @module
 */

import { type Bytes, concat, latin1, type Mutate, mutateBytes, textOf, u32, viewOf } from "./bytes.ts";
import { mutateList } from "./lists.ts";

const TYPES = ["VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "EXIF", "XMP ", "ICCP", "abcd"];

/** Moves, drops, repeats or changes a chunk: its kind or its data. */
export const mutateRiff: Mutate = (bytes, random) => {
  const chunks = mutateList(chunksOf(bytes), random, ({ type, data }) => {
    if (random.chance(0.2)) return { type: random.pick(TYPES), data };
    return { type, data: mutateBytes(data, random) };
  });
  const body = concat([
    bytes.subarray(8, 12),
    ...chunks.flatMap(({ type, data }) => {
      return [latin1(type), littleEndian(data.length), data, new Uint8Array(data.length % 2)];
    }),
  ]);
  return concat([latin1("RIFF"), littleEndian(body.length), body]);
};

function littleEndian(value: number): Bytes {
  return u32(value).reverse();
}

function chunksOf(bytes: Bytes): { type: string; data: Bytes }[] {
  const view = viewOf(bytes);
  const chunks = [];
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = view.getUint32(at + 4, true);
    const type = textOf(bytes.subarray(at, at + 4));
    chunks.push({ type, data: bytes.slice(at + 8, at + 8 + size) });
    at += 8 + size + size % 2;
  }
  return chunks;
}

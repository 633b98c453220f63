/**
 * Damages chunks of PNG files, and corrects lengths and checksums.
 *
 * @module
 */

import { crc32, deflateSync, inflateSync } from "node:zlib";
import type { Random } from "../random.ts";
import { type Bytes, concat, latin1, type Mutate, mutateBytes, textOf, u32, viewOf } from "./bytes.ts";
import { mutateList } from "./lists.ts";

interface Chunk {
  readonly type: string;
  readonly data: Bytes;
}

const SIGNATURE_LENGTH = 8;
const SIDES = [1, 2, 8, 500, 1000, 1024, 1_000_000, 2 ** 31];
const TYPES = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND", "eXIf", "zTXt", "iTXt", "tEXt", "gAMA", "acTL", "fdAT", "abcd"];

/** Moves, drops, repeats or changes a chunk: its kind or its data; that of pixels after unpacking. */
export const mutatePng: Mutate = (bytes, random) => {
  const chunks = mutateList(chunksOf(bytes), random, ({ type, data }) => {
    if (random.chance(0.1)) return { type: random.pick(TYPES), data };
    if (type === "IHDR" && random.chance(0.5)) return { type, data: otherSize(data, random) };
    return { type, data: type === "IDAT" ? mutatePixels(data, random) : mutateBytes(data, random) };
  });
  return concat([
    bytes.subarray(0, SIGNATURE_LENGTH),
    ...chunks.flatMap(({ type, data }) => {
      const body = concat([latin1(type), data]);
      return [u32(data.length), body, u32(crc32(body))];
    }),
  ]);
};

/** Width and height come first. */
function otherSize(data: Bytes, random: Random): Bytes {
  return concat([u32(random.pick(SIDES)), u32(random.pick(SIDES)), data.subarray(8)]);
}

function mutatePixels(data: Bytes, random: Random): Bytes {
  if (random.chance(0.3)) return mutateBytes(data, random);
  try {
    return new Uint8Array(deflateSync(mutateBytes(new Uint8Array(inflateSync(data)), random)));
  } catch {
    return mutateBytes(data, random); // a part of the pixels, or damaged by an earlier change
  }
}

function chunksOf(bytes: Bytes): Chunk[] {
  const view = viewOf(bytes);
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE_LENGTH; at + 8 <= bytes.length;) {
    const end = Math.min(bytes.length, at + 8 + view.getUint32(at));
    chunks.push({ type: textOf(bytes.subarray(at + 4, at + 8)), data: bytes.slice(at + 8, end) });
    at = end + 4;
  }
  return chunks;
}

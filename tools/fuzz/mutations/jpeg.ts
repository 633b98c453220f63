/**
 * Damages segments of JPEG files, and corrects lengths.
 *
 * @module
 */

import type { Random } from "../random.ts";
import { type Bytes, concat, type Mutate, mutateBytes, viewOf } from "./bytes.ts";
import { mutateList } from "./lists.ts";

/** A marker, its payload, and the compressed data up to the next marker. */
interface Segment {
  readonly marker: number;
  readonly payload?: Bytes;
  readonly data: Bytes;
}

const LONGEST_PAYLOAD = 65_533;
/** Markers of frames, which state the size of the picture: baseline, extended, progressive. */
const FRAMES = [0xc0, 0xc1, 0xc2];
const SIDES = [1, 2, 8, 500, 1000, 1024, 65_535];

/** Moves, drops, repeats or changes a segment: its kind, its payload or its compressed data. */
export const mutateJpeg: Mutate = (bytes, random) => {
  const segments = mutateList(segmentsOf(bytes), random, (segment) => {
    if (random.chance(0.1)) return { ...segment, marker: 0xc0 + random.below(64) };
    if (FRAMES.includes(segment.marker) && random.chance(0.5)) {
      return { ...segment, payload: otherSize(segment, random) };
    }
    if (segment.payload && random.chance(0.7)) return { ...segment, payload: mutateBytes(segment.payload, random) };
    return { ...segment, data: mutateBytes(segment.data, random) };
  });
  return concat(segments.flatMap(({ marker, payload, data }) => {
    const kept = payload?.subarray(0, LONGEST_PAYLOAD);
    const length = kept ? [Uint8Array.of(kept.length + 2 >> 8, kept.length + 2), kept] : [];
    return [Uint8Array.of(0xff, marker), ...length, data];
  }));
};

/** Height and width follow a byte. */
function otherSize({ payload = new Uint8Array() }: Segment, random: Random): Bytes {
  const sides = [random.pick(SIDES), random.pick(SIDES)].flatMap((side) => [side >> 8, side]);
  return concat([payload.subarray(0, 1), Uint8Array.from(sides), payload.subarray(5)]);
}

function segmentsOf(bytes: Bytes): Segment[] {
  const segments: Segment[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const marker = bytes[at + 1];
    const isAlone = marker === 0x01 || marker >= 0xd0 && marker <= 0xd9 || at + 4 > bytes.length;
    const start = at + 2;
    const end = isAlone ? start : start + Math.max(2, viewOf(bytes).getUint16(start));
    const next = nextMarker(bytes, end);
    segments.push({
      marker,
      payload: isAlone ? undefined : bytes.slice(start + 2, end),
      data: bytes.slice(end, next),
    });
    at = next;
  }
  return segments;
}

/** Position of the next marker that is neither a stuffed byte nor a restart. */
function nextMarker(bytes: Bytes, from: number): number {
  for (let at = from; at + 1 < bytes.length; at++) {
    const next = bytes[at + 1];
    if (bytes[at] === 0xff && next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return bytes.length;
}

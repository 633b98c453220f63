/**
 * Damages boxes of ISO media files, such as AVIF, and corrects sizes.
 *
 * @module
 */

import type { Random } from "../random.ts";
import { type Bytes, concat, latin1, type Mutate, mutateBytes, textOf, u32, viewOf } from "./bytes.ts";
import { mutateList } from "./lists.ts";

interface Box {
  readonly type: string;
  readonly payload: Bytes;
}

/** Boxes that contain boxes, with the number of bytes before those. */
const CONTAINERS: Readonly<Record<string, number>> = { meta: 4, iinf: 6, iprp: 0, ipco: 0, iref: 4, moov: 0, trak: 0 };
const TYPES = ["ftyp", "meta", "iloc", "pitm", "iinf", "infe", "iprp", "ipco", "ipma", "ispe", "pixi", "av1C", "irot"];

/** Moves, drops, repeats or changes a box, at any depth. */
export const mutateIso: Mutate = (bytes, random) => joinBoxes(mutateBoxes(boxesOf(bytes), random));

function mutateBoxes(boxes: readonly Box[], random: Random): Box[] {
  return mutateList(boxes, random, ({ type, payload }) => {
    if (random.chance(0.1)) return { type: random.pick(TYPES), payload };
    const head = Object.hasOwn(CONTAINERS, type) ? CONTAINERS[type] : undefined;
    if (head === undefined || random.chance(0.1)) return { type, payload: mutateBytes(payload, random) };
    const inner = mutateBoxes(boxesOf(payload.slice(head)), random);
    return { type, payload: concat([payload.subarray(0, head), joinBoxes(inner)]) };
  });
}

function boxesOf(bytes: Bytes): Box[] {
  const view = viewOf(bytes);
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const end = at + Math.max(8, view.getUint32(at));
    boxes.push({ type: textOf(bytes.subarray(at + 4, at + 8)), payload: bytes.slice(at + 8, end) });
    at = end;
  }
  return boxes;
}

function joinBoxes(boxes: readonly Box[]): Bytes {
  return concat(boxes.flatMap(({ type, payload }) => [u32(payload.length + 8), latin1(type), payload]));
}

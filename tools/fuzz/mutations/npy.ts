/**
 * Damages headers of `.npy` files, and corrects their lengths.
 *
 * @module
 */

import type { Random } from "../random.ts";
import { concat, latin1, type Mutate, mutateBytes, textOf, viewOf } from "./bytes.ts";
import { mutateText } from "./text.ts";

const TYPES = [
  "<i8",
  ">i8",
  "|u1",
  "<u2",
  ">i4",
  "|b1",
  "<f4",
  "<c16",
  "|O",
  "|S5",
  "<U9999999",
  "<i0",
  "<M8[s]",
  "i1",
];
const SHAPES = ["()", "(0,)", "(1,)", "(-1,)", "(4294967296, 4294967296)", "(1e9,)", "(2, 3, 4,)", "(1,)*9", "[1]"];

/** Changes the header, or sometimes the numbers. */
export const mutateNpy: Mutate = (bytes, random) => {
  if (bytes.length < 12) return mutateBytes(bytes, random);
  const [start, length] = bytes[6] === 1
    ? [10, viewOf(bytes).getUint16(8, true)]
    : [12, viewOf(bytes).getUint32(8, true)];
  const [header, data] = [bytes.slice(start, start + length), bytes.slice(start + length)];
  if (random.chance(0.1)) return concat([bytes.subarray(0, start), header, mutateBytes(data, random)]);
  const changed = latin1(mutateHeader(textOf(header), random)).subarray(0, 65_535);
  const lengthBytes = new Uint8Array(Uint32Array.of(changed.length).buffer, 0, start - 8);
  return concat([bytes.subarray(0, 8), lengthBytes, changed, data]);
};

function mutateHeader(header: string, random: Random): string {
  switch (random.below(4)) {
    case 0:
      return header.replace(/'descr': '[^']*'/, `'descr': '${random.pick(TYPES)}'`);
    case 1:
      return header.replace(/'shape': \([^)]*\)/, `'shape': ${random.pick(SHAPES)}`);
    default:
      return mutateText(header, random);
  }
}

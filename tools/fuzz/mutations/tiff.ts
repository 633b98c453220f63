/**
 * Damages entries of the first directory of TIFF files.
 *
 * @module
 */

import { type Mutate, mutateBytes, numberBytes, viewOf } from "./bytes.ts";

/** Tags that the reader knows: sides, bits, compression, colours, strips, tiles, planes, predictor, palette, alpha, orientation. */
const TAGS = [
  256,
  257,
  258,
  259,
  262,
  266,
  273,
  274,
  277,
  278,
  279,
  284,
  317,
  320,
  322,
  323,
  324,
  325,
  338,
  339,
  34675,
];

/** Changes the tag, type, count or value of an entry, or replaces it by a copy of another. */
export const mutateTiff: Mutate = (bytes, random) => {
  const view = viewOf(bytes);
  if (bytes.length < 16) return mutateBytes(bytes, random);
  const isLittle = bytes[0] === 0x49;
  const isBig = view.getUint16(2, isLittle) === 43;
  const [countSize, entrySize, wide] = isBig ? [8, 20, 8] : [2, 12, 4];
  const directory = isBig ? view.getUint32(isLittle ? 8 : 12, isLittle) : view.getUint32(4, isLittle);
  if (directory + countSize > bytes.length) return mutateBytes(bytes, random);
  const entries = view.getUint16(isBig && !isLittle ? directory + 6 : directory, isLittle);
  const entryAt = () => directory + countSize + random.below(entries) * entrySize;

  const changed = bytes.slice();
  const put = (at: number, value: ArrayLike<number>) => {
    if (at + value.length <= changed.length) changed.set(value, at);
  };
  const at = entryAt();
  const tag = random.pick(TAGS);
  const [type, value] = [at + 2, at + 4 + wide];
  switch (random.below(6)) {
    case 0:
      put(at, isLittle ? [tag, tag >> 8] : [tag >> 8, tag]);
      break;
    case 1:
      put(type, isLittle ? [random.below(20), 0] : [0, random.below(20)]);
      break;
    case 2:
      put(at + 4, numberBytes(wide, random));
      break;
    case 3:
      put(at, bytes.subarray(entryAt()).subarray(0, entrySize));
      break;
    default: // mostly two bytes, which come first in either byte order
      put(value, numberBytes(random.pick([2, 2, wide]), random));
  }
  return changed;
};

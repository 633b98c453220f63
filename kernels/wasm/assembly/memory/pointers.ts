// Tables of pointers to the pixels of a tile, in rows of 12. Outside the image they point to a substitute, so that the
// transforms need no special case.
import { POINTERS, SCRATCH } from "./area";
import { LINE } from "./cache_lines";

const COLUMNS: usize = 12;
/** The table of the source's pixels, and later of the result's. */
export const PIXELS: usize = POINTERS;
/** The table of the residual's pixels. */
export const RESIDUALS: usize = POINTERS + 512;

@inline
export function pointer(table: usize, row: usize, column: usize): usize {
  return <usize> load<u32>(table + ((row * COLUMNS + column) << 2));
}

/**
 * Reads all cache lines from channel byte `from` to `end` of `side` rows of pixels, from a column on: the processor fetches many
 * at a time, where a computation would wait for each. The store keeps the compiler from removing the loads.
 */
export function prefetchPixels(table: usize, side: usize, firstColumn: usize, from: usize, end: usize): void {
  let all = i32x4.splat(0);
  for (let row: usize = 0; row < side; row++) {
    for (let column = firstColumn; column < side; column++) {
      const pixel = pointer(table, row, column);
      for (let c = from; c < end; c += LINE) all = v128.or(all, v128.load(pixel + c));
    }
  }
  v128.store(SCRATCH, all);
}

@inline
export function setPointer(table: usize, row: i32, column: i32, to: usize): void {
  store<u32>(table + (<usize> (row * <i32> COLUMNS + column) << 2), <u32> to);
}

/**
 * Fills a table with pointers to `side` x `side` pixels of an image from row `top` and column `left` on, and to `outside`
 * where there is no pixel. With `upsample` 1, each pixel counts as 2x2.
 */
export function pointToPixels(
  table: usize,
  side: i32,
  top: i32,
  left: i32,
  image: usize,
  height: i32,
  width: i32,
  pixelBytes: i32,
  upsample: i32,
  outside: usize,
): void {
  const none = i32x4.splat(<i32> outside), end = i32x4.splat(width << upsample);
  for (let column = 0; column < side; column += 4) {
    const x = i32x4.add(i32x4.splat(left + column), i32x4(0, 1, 2, 3));
    const inside = i32x4.lt_u(x, end);
    const offsets = i32x4.mul(i32x4.shr_u(x, upsample), i32x4.splat(pixelBytes));
    for (let row = 0; row < side; row++) {
      const y = top + row;
      const first = i32x4.splat(<i32> image + (y >> upsample) * width * pixelBytes);
      const pixels = v128.bitselect(i32x4.add(first, offsets), none, inside);
      v128.store(
        table + (<usize> (row * <i32> COLUMNS + column) << 2),
        <u32> y < <u32> (height << upsample) ? pixels : none,
      );
    }
  }
}

// Weighted sums of four-byte pixels, two at a time, with the weights of ../../resizing/taps.ts, which are scaled by 2^22.
// An eight-byte pair of weights holds the low 15 bits of both weights, then the high bits of both, so that each half fits
// the 16-bit dot product. The low sum plus the high sum times 2^15 is the weighted sum, modulo 2^32.

const LOW_BITS: i32 = 15;
const FRACTION_BITS: i32 = 22;

/** Combines the low and high sums of four samples, and rounds them to integers. */
@inline
function whole(low: v128, high: v128): v128 {
  const sum = i32x4.add(i32x4.shl(high, LOW_BITS), low);
  return i32x4.shr_s(i32x4.add(sum, i32x4.splat(1 << (FRACTION_BITS - 1))), FRACTION_BITS);
}

/** Packs the sums of four pixels as opaque pixels. */
@inline
function bytesOf(
  low0: v128,
  high0: v128,
  low1: v128,
  high1: v128,
  low2: v128,
  high2: v128,
  low3: v128,
  high3: v128,
): v128 {
  const words01 = i16x8.narrow_i32x4_s(whole(low0, high0), whole(low1, high1));
  const words23 = i16x8.narrow_i32x4_s(whole(low2, high2), whole(low3, high3));
  return v128.or(i8x16.narrow_i16x8_u(words01, words23), i32x4.splat(0xff000000));
}

/**
 * Resamples rows to `columns` pixels, four rows at a time. `bounds` holds the first source pixel and the number of
 * pixel pairs of each column; the weights of successive columns are `stride` bytes apart.
 */
export function resampleRows(
  source: usize,
  out: usize,
  rows: i32,
  rowBytes: usize,
  columns: i32,
  bounds: usize,
  weights: usize,
  stride: usize,
): void {
  const interleave = i8x16(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1);
  const last = rows - 1;
  for (let y = 0; y < rows; y += 4) {
    const y1 = min(y + 1, last), y2 = min(y + 2, last), y3 = min(y + 3, last); // fewer than four may be left
    for (let x = 0; x < columns; x++) {
      let low0 = i32x4.splat(0), low1 = low0, low2 = low0, low3 = low0;
      let high0 = low0, high1 = low0, high2 = low0, high3 = low0;
      const bound = bounds + (<usize> x << 3);
      const first = source + (<usize> load<i32>(bound) << 2);
      let pixel0 = first + y * rowBytes, pixel1 = first + y1 * rowBytes;
      let pixel2 = first + y2 * rowBytes, pixel3 = first + y3 * rowBytes;
      const start = weights + x * stride;
      const end = start + (<usize> load<i32>(bound, 4) << 3);
      for (let weight = start; weight < end; weight += 8) {
        const lows = v128.load32_splat(weight), highs = v128.load32_splat(weight, 4);
        const pair0 = i8x16.swizzle(v128.load64_zero(pixel0), interleave);
        low0 = i32x4.add(low0, i32x4.dot_i16x8_s(pair0, lows));
        high0 = i32x4.add(high0, i32x4.dot_i16x8_s(pair0, highs));
        const pair1 = i8x16.swizzle(v128.load64_zero(pixel1), interleave);
        low1 = i32x4.add(low1, i32x4.dot_i16x8_s(pair1, lows));
        high1 = i32x4.add(high1, i32x4.dot_i16x8_s(pair1, highs));
        const pair2 = i8x16.swizzle(v128.load64_zero(pixel2), interleave);
        low2 = i32x4.add(low2, i32x4.dot_i16x8_s(pair2, lows));
        high2 = i32x4.add(high2, i32x4.dot_i16x8_s(pair2, highs));
        const pair3 = i8x16.swizzle(v128.load64_zero(pixel3), interleave);
        low3 = i32x4.add(low3, i32x4.dot_i16x8_s(pair3, lows));
        high3 = i32x4.add(high3, i32x4.dot_i16x8_s(pair3, highs));
        pixel0 += 8;
        pixel1 += 8;
        pixel2 += 8;
        pixel3 += 8;
      }
      const pixels = bytesOf(low0, high0, low1, high1, low2, high2, low3, high3);
      v128.store32_lane(out + (<usize> (y * columns + x) << 2), pixels, 0);
      v128.store32_lane(out + (<usize> (y1 * columns + x) << 2), pixels, 1);
      v128.store32_lane(out + (<usize> (y2 * columns + x) << 2), pixels, 2);
      v128.store32_lane(out + (<usize> (y3 * columns + x) << 2), pixels, 3);
    }
  }
}

/** Resamples columns to `rows` rows of `rowBytes` bytes. Writes up to 12 bytes past the end. */
export function resampleColumns(
  source: usize,
  out: usize,
  rows: i32,
  rowBytes: usize,
  bounds: usize,
  weights: usize,
  stride: usize,
): void {
  for (; rows > 0; rows--, bounds += 8, weights += stride, out += rowBytes) {
    const first = source + <usize> load<i32>(bounds) * rowBytes;
    const end = weights + (<usize> load<i32>(bounds, 4) << 3);
    for (let x: usize = 0; x < rowBytes; x += 16) {
      let low0 = i32x4.splat(0), low1 = low0, low2 = low0, low3 = low0;
      let high0 = low0, high1 = low0, high2 = low0, high3 = low0;
      let row = first + x;
      for (let weight = weights; weight < end; weight += 8) {
        const a = v128.load(row);
        const b = v128.load(row + rowBytes);
        row += rowBytes << 1;
        const left = v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        const right = v128.shuffle<i8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        const pair0 = i16x8.extend_low_i8x16_u(left), pair1 = i16x8.extend_high_i8x16_u(left);
        const pair2 = i16x8.extend_low_i8x16_u(right), pair3 = i16x8.extend_high_i8x16_u(right);
        const lows = v128.load32_splat(weight);
        low0 = i32x4.add(low0, i32x4.dot_i16x8_s(pair0, lows));
        low1 = i32x4.add(low1, i32x4.dot_i16x8_s(pair1, lows));
        low2 = i32x4.add(low2, i32x4.dot_i16x8_s(pair2, lows));
        low3 = i32x4.add(low3, i32x4.dot_i16x8_s(pair3, lows));
        const highs = v128.load32_splat(weight, 4);
        high0 = i32x4.add(high0, i32x4.dot_i16x8_s(pair0, highs));
        high1 = i32x4.add(high1, i32x4.dot_i16x8_s(pair1, highs));
        high2 = i32x4.add(high2, i32x4.dot_i16x8_s(pair2, highs));
        high3 = i32x4.add(high3, i32x4.dot_i16x8_s(pair3, highs));
      }
      v128.store(out + x, bytesOf(low0, high0, low1, high1, low2, high2, low3, high3));
    }
  }
}

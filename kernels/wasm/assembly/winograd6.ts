// The transforms of F(6x6, 3x3): interpolation at 0, 1, -1, 2, -2, 1/2, -1/2 and infinity.
import { SLICE } from "../shared";
import { SCRATCH, scratch } from "./area";
import { add, C, K, madd, mul, nmadd, sub } from "./simd";
import { clearTail, M_SLICE, put, source, V_SLICE } from "./winograd_tile";

/** One tile, all channels: 8x8 source pixels to 64 positions, `stride` bytes apart. */
export function sourceTile6(to: usize, stride: usize, bytes: usize): void {
  for (let c: usize = 0, slice = to; c < bytes; slice += V_SLICE) {
    const end = slice + SLICE * 4;
    let q = slice;
    for (; q < end && c < bytes; q += 16, c += 16) {
      sourceColumn(0, c);
      sourceColumn(1, c);
      sourceColumn(2, c);
      sourceColumn(3, c);
      sourceColumn(4, c);
      sourceColumn(5, c);
      sourceColumn(6, c);
      sourceColumn(7, c);
      sourceRow(0, q, stride);
      sourceRow(1, q, stride);
      sourceRow(2, q, stride);
      sourceRow(3, q, stride);
      sourceRow(4, q, stride);
      sourceRow(5, q, stride);
      sourceRow(6, q, stride);
      sourceRow(7, q, stride);
    }
    clearTail(q, end, 64, stride);
  }
}

// @ts-ignore: decorator
@inline
function sourceColumn(j: usize, c: usize): void {
  const d0 = source(j, c), d1 = source(8 + j, c), d2 = source(16 + j, c), d3 = source(24 + j, c);
  const d4 = source(32 + j, c), d5 = source(40 + j, c), d6 = source(48 + j, c), d7 = source(56 + j, c);
  transform8(d0, d1, d2, d3, d4, d5, d6, d7, SCRATCH + (j << 4), 128);
}

// @ts-ignore: decorator
@inline
function sourceRow(i: usize, to: usize, stride: usize): void {
  const d0 = scratch(i * 8), d1 = scratch(i * 8 + 1), d2 = scratch(i * 8 + 2), d3 = scratch(i * 8 + 3);
  const d4 = scratch(i * 8 + 4), d5 = scratch(i * 8 + 5), d6 = scratch(i * 8 + 6), d7 = scratch(i * 8 + 7);
  transform8(d0, d1, d2, d3, d4, d5, d6, d7, to + i * 8 * stride, stride);
}

/** B^T d. Rows of opposite points share their even and odd parts. */
// @ts-ignore: decorator
@inline
function transform8(
  d0: v128,
  d1: v128,
  d2: v128,
  d3: v128,
  d4: v128,
  d5: v128,
  d6: v128,
  d7: v128,
  to: usize,
  stride: usize,
): void {
  v128.store(to, madd(sub(d4, d2), K(C.TwentyOneQuarters), sub(d0, d6)));
  v128.store(to + 7 * stride, madd(sub(d3, d5), K(C.TwentyOneQuarters), sub(d7, d1)));
  const even1 = nmadd(d4, K(C.SeventeenQuarters), add(d2, d6));
  const odd1 = nmadd(d3, K(C.SeventeenQuarters), add(d1, d5));
  v128.store(to + stride, add(even1, odd1));
  v128.store(to + 2 * stride, sub(even1, odd1));
  const d3x2h = mul(d3, K(C.FiveHalves));
  const even2 = nmadd(d4, K(C.FiveQuarters), madd(d2, K(C.Quarter), d6));
  const odd2 = madd(d5, K(C.Two), sub(mul(d1, K(C.Half)), d3x2h));
  v128.store(to + 3 * stride, add(even2, odd2));
  v128.store(to + 4 * stride, sub(even2, odd2));
  const even3 = nmadd(d4, K(C.Five), madd(d2, K(C.Four), d6));
  const odd3 = madd(d1, K(C.Two), sub(mul(d5, K(C.Half)), d3x2h));
  v128.store(to + 5 * stride, add(even3, odd3));
  v128.store(to + 6 * stride, sub(even3, odd3));
}

/** One tile: 64 positions to 6x6 pixels of the result. */
export function resultTile6(products: usize, stride: usize, bytes: usize, bias: usize, residual: bool): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    const p = products + (c >> 5) * M_SLICE + (c & 16);
    resultRow(0, p, stride);
    resultRow(1, p, stride);
    resultRow(2, p, stride);
    resultRow(3, p, stride);
    resultRow(4, p, stride);
    resultRow(5, p, stride);
    resultRow(6, p, stride);
    resultRow(7, p, stride);
    const b = v128.load(bias + c);
    resultColumn(0, b, c, residual);
    resultColumn(1, b, c, residual);
    resultColumn(2, b, c, residual);
    resultColumn(3, b, c, residual);
    resultColumn(4, b, c, residual);
    resultColumn(5, b, c, residual);
  }
}

/** m A for one row of the 8x8 products. */
// @ts-ignore: decorator
@inline
function resultRow(i: usize, products: usize, stride: usize): void {
  const p = products + i * 8 * stride, q = SCRATCH + i * 96;
  const m1 = v128.load(p + stride), m2 = v128.load(p + 2 * stride), m3 = v128.load(p + 3 * stride);
  const m4 = v128.load(p + 4 * stride), m5 = v128.load(p + 5 * stride), m6 = v128.load(p + 6 * stride);
  const s1 = add(m1, m2), d1 = sub(m1, m2), s2 = add(m3, m4), d2 = sub(m3, m4), s3 = add(m5, m6), d3 = sub(m5, m6);
  v128.store(q, add(add(v128.load(p), s1), add(s2, s3)));
  v128.store(q + 16, madd(d3, K(C.Half), madd(d2, K(C.Two), d1)));
  v128.store(q + 32, madd(s3, K(C.Quarter), madd(s2, K(C.Four), s1)));
  v128.store(q + 48, madd(d3, K(C.Eighth), madd(d2, K(C.Eight), d1)));
  v128.store(q + 64, madd(s3, K(C.Sixteenth), madd(s2, K(C.Sixteen), s1)));
  v128.store(q + 80, add(madd(d3, K(C.ThirtySecond), madd(d2, K(C.ThirtyTwo), d1)), v128.load(p + 7 * stride)));
}

/** A^T m for one of the six columns left, plus the bias. */
// @ts-ignore: decorator
@inline
function resultColumn(j: usize, bias: v128, c: usize, residual: bool): void {
  const m1 = scratch(6 + j), m2 = scratch(12 + j), m3 = scratch(18 + j);
  const m4 = scratch(24 + j), m5 = scratch(30 + j), m6 = scratch(36 + j);
  const s1 = add(add(m1, m2), bias), d1 = add(sub(m1, m2), bias);
  const s2 = add(m3, m4), d2 = sub(m3, m4), s3 = add(m5, m6), d3 = sub(m5, m6);
  put(j, add(add(scratch(j), s1), add(s2, s3)), c, residual);
  put(6 + j, madd(d3, K(C.Half), madd(d2, K(C.Two), d1)), c, residual);
  put(12 + j, madd(s3, K(C.Quarter), madd(s2, K(C.Four), s1)), c, residual);
  put(18 + j, madd(d3, K(C.Eighth), madd(d2, K(C.Eight), d1)), c, residual);
  put(24 + j, madd(s3, K(C.Sixteenth), madd(s2, K(C.Sixteen), s1)), c, residual);
  put(30 + j, add(madd(d3, K(C.ThirtySecond), madd(d2, K(C.ThirtyTwo), d1)), scratch(42 + j)), c, residual);
}

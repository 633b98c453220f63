// The transforms of F(6x6, 3x3): interpolation at 0, 1, -1, 2, -2, 1/2, -1/2 and infinity.
import { SCRATCH } from "./area";
import { LEFT_BYTES } from "./left";
import { PRODUCT_BYTES } from "./multiply";
import { PIXELS, pointer } from "./pointers";
import { add, C, K, madd, mul, nmadd, sub } from "./simd";
import { clearTail, LINE, put, vOffset } from "./winograd_tile";

/** Channel bytes `from` to `end` of one tile: 8x8 source pixels to 64 positions. */
export function sourceTile6(to: usize, from: usize, end: usize): void {
  for (let c = from; c < end; c += LINE) {
    const count = min(LINE, end - c);
    for (let j: usize = 0; j < 8; j++) sourceColumn(j, c, count);
    const v = to + vOffset(c - from, 64);
    for (let i: usize = 0; i < 8; i++) sourceRow(i, v + i * 8 * LEFT_BYTES, count);
  }
  clearTail(to, end - from, 64);
}

// @ts-ignore: decorator
@inline
function sourceColumn(j: usize, c: usize, count: usize): void {
  const p0 = pointer(PIXELS, 0, j) + c, p1 = pointer(PIXELS, 1, j) + c, p2 = pointer(PIXELS, 2, j) + c;
  const p3 = pointer(PIXELS, 3, j) + c, p4 = pointer(PIXELS, 4, j) + c, p5 = pointer(PIXELS, 5, j) + c;
  const p6 = pointer(PIXELS, 6, j) + c, p7 = pointer(PIXELS, 7, j) + c;
  for (let s: usize = 0; s < count; s += 16) {
    const d0 = v128.load(p0 + s), d1 = v128.load(p1 + s), d2 = v128.load(p2 + s), d3 = v128.load(p3 + s);
    const d4 = v128.load(p4 + s), d5 = v128.load(p5 + s), d6 = v128.load(p6 + s), d7 = v128.load(p7 + s);
    transform8(d0, d1, d2, d3, d4, d5, d6, d7, SCRATCH + s * 64 + (j << 4), 128);
  }
}

// @ts-ignore: decorator
@inline
function sourceRow(i: usize, to: usize, count: usize): void {
  for (let s: usize = 0; s < count; s += 16) {
    const q = SCRATCH + s * 64 + (i << 7);
    const d0 = v128.load(q), d1 = v128.load(q, 16), d2 = v128.load(q, 32), d3 = v128.load(q, 48);
    const d4 = v128.load(q, 64), d5 = v128.load(q, 80), d6 = v128.load(q, 96), d7 = v128.load(q, 112);
    transform8(d0, d1, d2, d3, d4, d5, d6, d7, to + s, LEFT_BYTES);
  }
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
  for (let c: usize = 0; c < bytes; c += LINE) {
    const count = min(LINE, bytes - c);
    const p = products + (c >> 5) * PRODUCT_BYTES;
    for (let i: usize = 0; i < 8; i++) resultRow(i, p + i * 8 * stride, stride, count);
    for (let j: usize = 0; j < 6; j++) resultColumn(j, bias + c, c, count, residual);
  }
}

/** m A for one row of the 8x8 products. */
// @ts-ignore: decorator
@inline
function resultRow(i: usize, from: usize, stride: usize, count: usize): void {
  for (let s: usize = 0; s < count; s += 16) {
    const p = from + (s >> 5) * PRODUCT_BYTES + (s & 16), q = SCRATCH + s * 64 + i * 96;
    const m1 = v128.load(p + stride), m2 = v128.load(p + 2 * stride), m3 = v128.load(p + 3 * stride);
    const m4 = v128.load(p + 4 * stride), m5 = v128.load(p + 5 * stride), m6 = v128.load(p + 6 * stride);
    const s1 = add(m1, m2), d1 = sub(m1, m2), s2 = add(m3, m4), d2 = sub(m3, m4), s3 = add(m5, m6), d3 = sub(m5, m6);
    v128.store(q, add(add(v128.load(p), s1), add(s2, s3)));
    v128.store(q, madd(d3, K(C.Half), madd(d2, K(C.Two), d1)), 16);
    v128.store(q, madd(s3, K(C.Quarter), madd(s2, K(C.Four), s1)), 32);
    v128.store(q, madd(d3, K(C.Eighth), madd(d2, K(C.Eight), d1)), 48);
    v128.store(q, madd(s3, K(C.Sixteenth), madd(s2, K(C.Sixteen), s1)), 64);
    v128.store(q, add(madd(d3, K(C.ThirtySecond), madd(d2, K(C.ThirtyTwo), d1)), v128.load(p + 7 * stride)), 80);
  }
}

/** A^T m for one of the six columns left, plus the bias. */
// @ts-ignore: decorator
@inline
function resultColumn(j: usize, bias: usize, c: usize, count: usize, residual: bool): void {
  for (let s: usize = 0; s < count; s += 16) {
    const q = SCRATCH + s * 64 + (j << 4), b = v128.load(bias + s);
    const m1 = v128.load(q, 96), m2 = v128.load(q, 192), m3 = v128.load(q, 288);
    const m4 = v128.load(q, 384), m5 = v128.load(q, 480), m6 = v128.load(q, 576);
    const s1 = add(add(m1, m2), b), d1 = add(sub(m1, m2), b);
    const s2 = add(m3, m4), d2 = sub(m3, m4), s3 = add(m5, m6), d3 = sub(m5, m6);
    put(0, j, add(add(v128.load(q), s1), add(s2, s3)), c + s, residual);
    put(1, j, madd(d3, K(C.Half), madd(d2, K(C.Two), d1)), c + s, residual);
    put(2, j, madd(s3, K(C.Quarter), madd(s2, K(C.Four), s1)), c + s, residual);
    put(3, j, madd(d3, K(C.Eighth), madd(d2, K(C.Eight), d1)), c + s, residual);
    put(4, j, madd(s3, K(C.Sixteenth), madd(s2, K(C.Sixteen), s1)), c + s, residual);
    put(5, j, add(madd(d3, K(C.ThirtySecond), madd(d2, K(C.ThirtyTwo), d1)), v128.load(q, 672)), c + s, residual);
  }
}

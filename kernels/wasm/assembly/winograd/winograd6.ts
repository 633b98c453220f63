// The transforms of F(6x6, 3x3): interpolation at 0, 1, -1, 2, -2, 1/2, -1/2 and infinity.
import { SCRATCH, scratch } from "../memory/area";
import { LHS_BYTES } from "../matmul/lhs_panel";
import { PRODUCT_BYTES } from "../matmul/multiply";
import { add, C, K, madd, mul, nmadd, sub } from "../simd/simd";
import { clearTail, put, residue, source, vOffset } from "./winograd_tile";

/** Channel bytes `from` to `end` of one tile: 8x8 source pixels to 64 positions. */
export function sourceTile6(to: usize, from: usize, end: usize): void {
  for (let c = from; c < end; c += 16) {
    sourceColumn(0, c);
    sourceColumn(1, c);
    sourceColumn(2, c);
    sourceColumn(3, c);
    sourceColumn(4, c);
    sourceColumn(5, c);
    sourceColumn(6, c);
    sourceColumn(7, c);
    const v = to + vOffset(c - from, 64);
    sourceRow(0, v);
    sourceRow(1, v);
    sourceRow(2, v);
    sourceRow(3, v);
    sourceRow(4, v);
    sourceRow(5, v);
    sourceRow(6, v);
    sourceRow(7, v);
  }
  clearTail(to, end - from, 64);
}

@inline
function sourceColumn(j: usize, c: usize): void {
  const d0 = source(0, j, c), d1 = source(1, j, c);
  const d2 = source(2, j, c), d3 = source(3, j, c);
  const d4 = source(4, j, c), d5 = source(5, j, c);
  const d6 = source(6, j, c), d7 = source(7, j, c);
  transform8(d0, d1, d2, d3, d4, d5, d6, d7, SCRATCH + (j << 4), 128);
}

@inline
function sourceRow(i: usize, to: usize): void {
  const q = i * 8;
  const d0 = scratch(q), d1 = scratch(q + 1);
  const d2 = scratch(q + 2), d3 = scratch(q + 3);
  const d4 = scratch(q + 4), d5 = scratch(q + 5);
  const d6 = scratch(q + 6), d7 = scratch(q + 7);
  transform8(d0, d1, d2, d3, d4, d5, d6, d7, to + q * LHS_BYTES, LHS_BYTES);
}

/** B^T d. Rows of opposite points share their even and odd parts. */
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
    const p = products + (c >> 5) * PRODUCT_BYTES + (c & 16);
    resultRow(0, p, stride);
    resultRow(1, p, stride);
    resultRow(2, p, stride);
    resultRow(3, p, stride);
    resultRow(4, p, stride);
    resultRow(5, p, stride);
    resultRow(6, p, stride);
    resultRow(7, p, stride);
    resultColumn(0, bias, c, residual);
    resultColumn(1, bias, c, residual);
    resultColumn(2, bias, c, residual);
    resultColumn(3, bias, c, residual);
    resultColumn(4, bias, c, residual);
    resultColumn(5, bias, c, residual);
  }
}

/** m A for one row of the 8x8 products. */
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
@inline
function resultColumn(j: usize, bias: usize, c: usize, residual: bool): void {
  const b = v128.load(bias + c);
  const m1 = scratch(j + 6), m2 = scratch(j + 12), m3 = scratch(j + 18);
  const m4 = scratch(j + 24), m5 = scratch(j + 30), m6 = scratch(j + 36);
  const s1 = add(add(m1, m2), b), d1 = add(sub(m1, m2), b);
  const s2 = add(m3, m4), d2 = sub(m3, m4), s3 = add(m5, m6), d3 = sub(m5, m6);
  let r0 = add(add(scratch(j), s1), add(s2, s3));
  let r1 = madd(d3, K(C.Half), madd(d2, K(C.Two), d1));
  let r2 = madd(s3, K(C.Quarter), madd(s2, K(C.Four), s1));
  let r3 = madd(d3, K(C.Eighth), madd(d2, K(C.Eight), d1));
  let r4 = madd(s3, K(C.Sixteenth), madd(s2, K(C.Sixteen), s1));
  let r5 = add(madd(d3, K(C.ThirtySecond), madd(d2, K(C.ThirtyTwo), d1)), scratch(j + 42));
  if (residual) {
    r0 = add(r0, residue(0, j, c));
    r1 = add(r1, residue(1, j, c));
    r2 = add(r2, residue(2, j, c));
    r3 = add(r3, residue(3, j, c));
    r4 = add(r4, residue(4, j, c));
    r5 = add(r5, residue(5, j, c));
  }
  put(0, j, r0, c);
  put(1, j, r1, c);
  put(2, j, r2, c);
  put(3, j, r3, c);
  put(4, j, r4, c);
  put(5, j, r5, c);
}

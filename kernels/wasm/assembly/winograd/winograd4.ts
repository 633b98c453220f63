// The transforms of F(4x4, 3x3), after Lavin & Gray: interpolation at 0, 1, -1, 2, -2 and infinity.
import { SCRATCH, scratch } from "../memory/area";
import { LHS_BYTES } from "../matmul/lhs_panel";
import { PRODUCT_BYTES } from "../matmul/multiply";
import { add, C, K, madd, nmadd, sub } from "../simd/simd";
import { clearTail, putColumn4, source, vOffset } from "./winograd_tile";

/** Channel bytes `from` to `end` of one tile: 6x6 source pixels to 36 positions. */
export function sourceTile4(to: usize, from: usize, end: usize): void {
  for (let c = from; c < end; c += 16) {
    sourceColumn(0, c);
    sourceColumn(1, c);
    sourceColumn(2, c);
    sourceColumn(3, c);
    sourceColumn(4, c);
    sourceColumn(5, c);
    const v = to + vOffset(c - from, 36);
    sourceRow(0, v);
    sourceRow(1, v);
    sourceRow(2, v);
    sourceRow(3, v);
    sourceRow(4, v);
    sourceRow(5, v);
  }
  clearTail(to, end - from, 36);
}

@inline
function sourceColumn(j: usize, c: usize): void {
  const d0 = source(0, j, c), d1 = source(1, j, c);
  const d2 = source(2, j, c), d3 = source(3, j, c);
  const d4 = source(4, j, c), d5 = source(5, j, c);
  transform6(d0, d1, d2, d3, d4, d5, SCRATCH + (j << 4), 96);
}

@inline
function sourceRow(i: usize, to: usize): void {
  const q = i * 6;
  const d0 = scratch(q), d1 = scratch(q + 1);
  const d2 = scratch(q + 2), d3 = scratch(q + 3);
  const d4 = scratch(q + 4), d5 = scratch(q + 5);
  transform6(d0, d1, d2, d3, d4, d5, to + q * LHS_BYTES, LHS_BYTES);
}

/** B^T d of Lavin & Gray. */
@inline
function transform6(d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, to: usize, stride: usize): void {
  const a = nmadd(d2, K(C.Four), d4), b = nmadd(d1, K(C.Four), d3);
  const c = sub(d4, d2), e = sub(d3, d1);
  v128.store(to, madd(d0, K(C.Four), nmadd(d2, K(C.Five), d4)));
  v128.store(to + stride, add(a, b));
  v128.store(to + 2 * stride, sub(a, b));
  v128.store(to + 3 * stride, madd(e, K(C.Two), c));
  v128.store(to + 4 * stride, nmadd(e, K(C.Two), c));
  v128.store(to + 5 * stride, madd(d1, K(C.Four), nmadd(d3, K(C.Five), d5)));
}

/** One tile: 36 positions to 4x4 pixels of the result. */
export function resultTile4(products: usize, stride: usize, bytes: usize, bias: usize, residual: bool): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    const p = products + (c >> 5) * PRODUCT_BYTES + (c & 16);
    resultRow(0, p, stride);
    resultRow(1, p, stride);
    resultRow(2, p, stride);
    resultRow(3, p, stride);
    resultRow(4, p, stride);
    resultRow(5, p, stride);
    resultColumn(0, bias, c, residual);
    resultColumn(1, bias, c, residual);
    resultColumn(2, bias, c, residual);
    resultColumn(3, bias, c, residual);
  }
}

/** m A for one row of the 6x6 products. */
@inline
function resultRow(i: usize, products: usize, stride: usize): void {
  const p = products + i * 6 * stride, q = SCRATCH + i * 64;
  const m0 = v128.load(p), m1 = v128.load(p + stride), m2 = v128.load(p + 2 * stride);
  const m3 = v128.load(p + 3 * stride), m4 = v128.load(p + 4 * stride), m5 = v128.load(p + 5 * stride);
  const s1 = add(m1, m2), d1 = sub(m1, m2), s2 = add(m3, m4), d2 = sub(m3, m4);
  v128.store(q, add(add(m0, s1), s2));
  v128.store(q + 16, madd(d2, K(C.Two), d1));
  v128.store(q + 32, madd(s2, K(C.Four), s1));
  v128.store(q + 48, add(madd(d2, K(C.Eight), d1), m5));
}

/** A^T m for one of the four columns left, plus the bias. */
@inline
function resultColumn(j: usize, bias: usize, c: usize, residual: bool): void {
  const b = v128.load(bias + c);
  const m0 = scratch(j), m1 = scratch(j + 4), m2 = scratch(j + 8);
  const m3 = scratch(j + 12), m4 = scratch(j + 16), m5 = scratch(j + 20);
  const s1 = add(m1, m2), d1 = sub(m1, m2), s2 = add(m3, m4), d2 = sub(m3, m4);
  const b1 = add(s1, b), b2 = add(d1, b);
  const r0 = add(add(m0, b1), s2);
  const r1 = madd(d2, K(C.Two), b2);
  const r2 = madd(s2, K(C.Four), b1);
  const r3 = add(madd(d2, K(C.Eight), b2), m5);
  putColumn4(j, r0, r1, r2, r3, c, residual);
}

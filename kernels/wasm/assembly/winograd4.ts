// The transforms of F(4x4, 3x3), after Lavin & Gray: interpolation at 0, 1, -1, 2, -2 and infinity.
import { SLICE } from "../shared";
import { SCRATCH, scratch } from "./area";
import { add, C, K, madd, nmadd, sub } from "./simd";
import { clearTail, M_SLICE, put, source, V_SLICE } from "./winograd_tile";

/** One tile, all channels: 6x6 source pixels to 36 positions, `stride` bytes apart. */
export function sourceTile4(to: usize, stride: usize, bytes: usize): void {
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
      sourceRow(0, q, stride);
      sourceRow(1, q, stride);
      sourceRow(2, q, stride);
      sourceRow(3, q, stride);
      sourceRow(4, q, stride);
      sourceRow(5, q, stride);
    }
    clearTail(q, end, 36, stride);
  }
}

// @ts-ignore: decorator
@inline
function sourceColumn(j: usize, c: usize): void {
  const d0 = source(j, c), d1 = source(6 + j, c), d2 = source(12 + j, c);
  const d3 = source(18 + j, c), d4 = source(24 + j, c), d5 = source(30 + j, c);
  transform6(d0, d1, d2, d3, d4, d5, SCRATCH + (j << 4), 96);
}

// @ts-ignore: decorator
@inline
function sourceRow(i: usize, to: usize, stride: usize): void {
  const d0 = scratch(i * 6), d1 = scratch(i * 6 + 1), d2 = scratch(i * 6 + 2);
  const d3 = scratch(i * 6 + 3), d4 = scratch(i * 6 + 4), d5 = scratch(i * 6 + 5);
  transform6(d0, d1, d2, d3, d4, d5, to + i * 6 * stride, stride);
}

/** B^T d of Lavin & Gray. */
// @ts-ignore: decorator
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
    const p = products + (c >> 5) * M_SLICE + (c & 16);
    resultRow(0, p, stride);
    resultRow(1, p, stride);
    resultRow(2, p, stride);
    resultRow(3, p, stride);
    resultRow(4, p, stride);
    resultRow(5, p, stride);
    const b = v128.load(bias + c);
    resultColumn(0, b, c, residual);
    resultColumn(1, b, c, residual);
    resultColumn(2, b, c, residual);
    resultColumn(3, b, c, residual);
  }
}

/** m A for one row of the 6x6 products. */
// @ts-ignore: decorator
@inline
function resultRow(i: usize, products: usize, stride: usize): void {
  const p = products + i * 6 * stride, q = SCRATCH + (i << 6);
  const m0 = v128.load(p), m1 = v128.load(p + stride), m2 = v128.load(p + 2 * stride);
  const m3 = v128.load(p + 3 * stride), m4 = v128.load(p + 4 * stride), m5 = v128.load(p + 5 * stride);
  const s1 = add(m1, m2), d1 = sub(m1, m2), s2 = add(m3, m4), d2 = sub(m3, m4);
  v128.store(q, add(add(m0, s1), s2));
  v128.store(q + 16, madd(d2, K(C.Two), d1));
  v128.store(q + 32, madd(s2, K(C.Four), s1));
  v128.store(q + 48, add(madd(d2, K(C.Eight), d1), m5));
}

/** A^T m for one of the four columns left, plus the bias. */
// @ts-ignore: decorator
@inline
function resultColumn(j: usize, bias: v128, c: usize, residual: bool): void {
  const m0 = scratch(j), m1 = scratch(4 + j), m2 = scratch(8 + j);
  const m3 = scratch(12 + j), m4 = scratch(16 + j), m5 = scratch(20 + j);
  const s1 = add(m1, m2), d1 = sub(m1, m2), s2 = add(m3, m4), d2 = sub(m3, m4);
  const b1 = add(s1, bias), b2 = add(d1, bias);
  put(j, add(add(m0, b1), s2), c, residual);
  put(4 + j, madd(d2, K(C.Two), b2), c, residual);
  put(8 + j, madd(s2, K(C.Four), b1), c, residual);
  put(12 + j, add(madd(d2, K(C.Eight), b2), m5), c, residual);
}

// The transforms of a 3x3 convolution at stride 2, 4x4 results a tile. Along one side, even pixels meet the outer taps: that
// is F(4, 2), interpolated at 0, 1, -1, 2 and infinity. Odd pixels meet the middle tap and pass as they are. So 9x9 source
// pixels become 81 positions: five for the even ones, then the four odd ones.
import { SCRATCH, scratch } from "../memory/area";
import { LHS_BYTES } from "../matmul/lhs_panel";
import { PRODUCT_BYTES } from "../matmul/multiply";
import { add, C, K, madd, nmadd, sub } from "../simd/simd";
import { clearTail, putColumn4, source, vOffset } from "./winograd_tile";

/** Positions along one side of a tile. */
export const REACH: i32 = 9;
/** Different weights along one side: those of all odd positions are the same. */
const WEIGHTS: i32 = 6;

/** Where the weights of a position are. */
export function weightsOf(position: i32): i32 {
  return min(position / REACH, WEIGHTS - 1) * WEIGHTS + min(position % REACH, WEIGHTS - 1);
}

/** Channel bytes `from` to `end` of one tile: 9x9 source pixels to 81 positions. */
export function sourceTileStrided(to: usize, from: usize, end: usize): void {
  for (let c = from; c < end; c += 16) {
    sourceColumn(0, c);
    sourceColumn(1, c);
    sourceColumn(2, c);
    sourceColumn(3, c);
    sourceColumn(4, c);
    sourceColumn(5, c);
    sourceColumn(6, c);
    sourceColumn(7, c);
    sourceColumn(8, c);
    const v = to + vOffset(c - from, 81);
    sourceRow(0, v);
    sourceRow(1, v);
    sourceRow(2, v);
    sourceRow(3, v);
    sourceRow(4, v);
    sourceRow(5, v);
    sourceRow(6, v);
    sourceRow(7, v);
    sourceRow(8, v);
  }
  clearTail(to, end - from, 81);
}

@inline
function sourceColumn(j: usize, c: usize): void {
  const q = SCRATCH + (j << 4);
  transform5(source(0, j, c), source(2, j, c), source(4, j, c), source(6, j, c), source(8, j, c), q, 144);
  v128.store(q + 720, source(1, j, c));
  v128.store(q + 864, source(3, j, c));
  v128.store(q + 1008, source(5, j, c));
  v128.store(q + 1152, source(7, j, c));
}

@inline
function sourceRow(i: usize, to: usize): void {
  const q = i * 9, v = to + q * LHS_BYTES;
  transform5(scratch(q), scratch(q + 2), scratch(q + 4), scratch(q + 6), scratch(q + 8), v, LHS_BYTES);
  v128.store(v + 5 * LHS_BYTES, scratch(q + 1));
  v128.store(v + 6 * LHS_BYTES, scratch(q + 3));
  v128.store(v + 7 * LHS_BYTES, scratch(q + 5));
  v128.store(v + 8 * LHS_BYTES, scratch(q + 7));
}

/** B^T e for the five even pixels. */
@inline
function transform5(e0: v128, e1: v128, e2: v128, e3: v128, e4: v128, to: usize, stride: usize): void {
  const a = sub(e3, e2);
  v128.store(to, madd(sub(e0, e2), K(C.Two), sub(e3, e1)));
  v128.store(to + stride, nmadd(e1, K(C.Two), a));
  v128.store(to + 2 * stride, madd(sub(e1, e2), K(C.Two), a));
  v128.store(to + 3 * stride, sub(e3, e1));
  v128.store(to + 4 * stride, madd(sub(e1, e3), K(C.Two), sub(e4, e2)));
}

/** One tile: 81 positions to 4x4 pixels of the result. */
export function resultTileStrided(products: usize, stride: usize, bytes: usize, bias: usize, residual: bool): void {
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
    resultRow(8, p, stride);
    resultColumn(0, bias, c, residual);
    resultColumn(1, bias, c, residual);
    resultColumn(2, bias, c, residual);
    resultColumn(3, bias, c, residual);
  }
}

/** m A for one row of the 9x9 products. */
@inline
function resultRow(i: usize, products: usize, stride: usize): void {
  const p = products + i * 9 * stride, q = SCRATCH + i * 64;
  const m1 = v128.load(p + stride), m2 = v128.load(p + 2 * stride), m3 = v128.load(p + 3 * stride);
  const s1 = add(m1, m2), d1 = sub(m1, m2);
  v128.store(q, add(add(v128.load(p), s1), add(m3, v128.load(p + 5 * stride))));
  v128.store(q + 16, madd(m3, K(C.Two), add(d1, v128.load(p + 6 * stride))));
  v128.store(q + 32, madd(m3, K(C.Four), add(s1, v128.load(p + 7 * stride))));
  v128.store(q + 48, madd(m3, K(C.Eight), add(d1, add(v128.load(p + 4 * stride), v128.load(p + 8 * stride)))));
}

/** A^T m for one of the four columns left, plus the bias. */
@inline
function resultColumn(j: usize, bias: usize, c: usize, residual: bool): void {
  const b = v128.load(bias + c);
  const m1 = scratch(j + 4), m2 = scratch(j + 8), m3 = scratch(j + 12);
  const s1 = add(add(m1, m2), b), d1 = add(sub(m1, m2), b);
  const r0 = add(add(scratch(j), s1), add(m3, scratch(j + 20)));
  const r1 = madd(m3, K(C.Two), add(d1, scratch(j + 24)));
  const r2 = madd(m3, K(C.Four), add(s1, scratch(j + 28)));
  const r3 = madd(m3, K(C.Eight), add(d1, add(scratch(j + 16), scratch(j + 32))));
  putColumn4(j, r0, r1, r2, r3, c, residual);
}

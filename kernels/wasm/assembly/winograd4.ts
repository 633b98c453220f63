// The transforms of F(4x4, 3x3), after Lavin & Gray: interpolation at 0, 1, -1, 2, -2 and infinity.
import { SCRATCH } from "./area";
import { LEFT_BYTES } from "./left";
import { PRODUCT_BYTES } from "./multiply";
import { PIXELS, pointer } from "./pointers";
import { add, C, K, madd, nmadd, sub } from "./simd";
import { clearTail, LINE, put, vOffset } from "./winograd_tile";

/** Channel bytes `from` to `end` of one tile: 6x6 source pixels to 36 positions. */
export function sourceTile4(to: usize, from: usize, end: usize): void {
  for (let c = from; c < end; c += LINE) {
    const count = min(LINE, end - c);
    for (let j: usize = 0; j < 6; j++) sourceColumn(j, c, count);
    const v = to + vOffset(c - from, 36);
    for (let i: usize = 0; i < 6; i++) sourceRow(i, v + i * 6 * LEFT_BYTES, count);
  }
  clearTail(to, end - from, 36);
}

// @ts-ignore: decorator
@inline
function sourceColumn(j: usize, c: usize, count: usize): void {
  const p0 = pointer(PIXELS, 0, j) + c, p1 = pointer(PIXELS, 1, j) + c, p2 = pointer(PIXELS, 2, j) + c;
  const p3 = pointer(PIXELS, 3, j) + c, p4 = pointer(PIXELS, 4, j) + c, p5 = pointer(PIXELS, 5, j) + c;
  for (let s: usize = 0; s < count; s += 16) {
    const d0 = v128.load(p0 + s), d1 = v128.load(p1 + s), d2 = v128.load(p2 + s);
    const d3 = v128.load(p3 + s), d4 = v128.load(p4 + s), d5 = v128.load(p5 + s);
    transform6(d0, d1, d2, d3, d4, d5, SCRATCH + s * 36 + (j << 4), 96);
  }
}

// @ts-ignore: decorator
@inline
function sourceRow(i: usize, to: usize, count: usize): void {
  for (let s: usize = 0; s < count; s += 16) {
    const q = SCRATCH + s * 36 + i * 96;
    const d0 = v128.load(q), d1 = v128.load(q, 16), d2 = v128.load(q, 32);
    const d3 = v128.load(q, 48), d4 = v128.load(q, 64), d5 = v128.load(q, 80);
    transform6(d0, d1, d2, d3, d4, d5, to + s, LEFT_BYTES);
  }
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
  for (let c: usize = 0; c < bytes; c += LINE) {
    const count = min(LINE, bytes - c);
    const p = products + (c >> 5) * PRODUCT_BYTES;
    for (let i: usize = 0; i < 6; i++) resultRow(i, p + i * 6 * stride, stride, count);
    for (let j: usize = 0; j < 4; j++) resultColumn(j, bias + c, c, count, residual);
  }
}

/** m A for one row of the 6x6 products. */
// @ts-ignore: decorator
@inline
function resultRow(i: usize, from: usize, stride: usize, count: usize): void {
  for (let s: usize = 0; s < count; s += 16) {
    const p = from + (s >> 5) * PRODUCT_BYTES + (s & 16), q = SCRATCH + s * 36 + (i << 6);
    const m0 = v128.load(p), m1 = v128.load(p + stride), m2 = v128.load(p + 2 * stride);
    const m3 = v128.load(p + 3 * stride), m4 = v128.load(p + 4 * stride), m5 = v128.load(p + 5 * stride);
    const s1 = add(m1, m2), d1 = sub(m1, m2), s2 = add(m3, m4), d2 = sub(m3, m4);
    v128.store(q, add(add(m0, s1), s2));
    v128.store(q, madd(d2, K(C.Two), d1), 16);
    v128.store(q, madd(s2, K(C.Four), s1), 32);
    v128.store(q, add(madd(d2, K(C.Eight), d1), m5), 48);
  }
}

/** A^T m for one of the four columns left, plus the bias. */
// @ts-ignore: decorator
@inline
function resultColumn(j: usize, bias: usize, c: usize, count: usize, residual: bool): void {
  for (let s: usize = 0; s < count; s += 16) {
    const q = SCRATCH + s * 36 + (j << 4), b = v128.load(bias + s);
    const m0 = v128.load(q), m1 = v128.load(q, 64), m2 = v128.load(q, 128);
    const m3 = v128.load(q, 192), m4 = v128.load(q, 256), m5 = v128.load(q, 320);
    const s1 = add(m1, m2), d1 = sub(m1, m2), s2 = add(m3, m4), d2 = sub(m3, m4);
    const b1 = add(s1, b), b2 = add(d1, b);
    put(0, j, add(add(m0, b1), s2), c + s, residual);
    put(1, j, madd(d2, K(C.Two), b2), c + s, residual);
    put(2, j, madd(s2, K(C.Four), b1), c + s, residual);
    put(3, j, add(madd(d2, K(C.Eight), b2), m5), c + s, residual);
  }
}

// The transforms of a 3x3 convolution at stride 2, 4x4 results a tile. Along one side, even pixels meet the outer taps: that
// is F(4, 2), interpolated at 0, 1, -1, 2 and infinity. Odd pixels meet the middle tap and pass as they are. So 9x9 source
// pixels become 81 positions: five for the even ones, then the four odd ones.
import { SCRATCH } from "./area";
import { LEFT_BYTES } from "./left";
import { PRODUCT_BYTES } from "./multiply";
import { PIXELS, pointer } from "./pointers";
import { add, C, K, madd, nmadd, sub } from "./simd";
import { clearTail, LINE, put, vOffset } from "./winograd_tile";

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
  for (let c = from; c < end; c += LINE) {
    const count = min(LINE, end - c);
    for (let j: usize = 0; j < 9; j++) sourceColumn(j, c, count);
    const v = to + vOffset(c - from, 81);
    for (let i: usize = 0; i < 9; i++) sourceRow(i, v + i * 9 * LEFT_BYTES, count);
  }
  clearTail(to, end - from, 81);
}

// @ts-ignore: decorator
@inline
function sourceColumn(j: usize, c: usize, count: usize): void {
  const p0 = pointer(PIXELS, 0, j) + c, p1 = pointer(PIXELS, 1, j) + c, p2 = pointer(PIXELS, 2, j) + c;
  const p3 = pointer(PIXELS, 3, j) + c, p4 = pointer(PIXELS, 4, j) + c, p5 = pointer(PIXELS, 5, j) + c;
  const p6 = pointer(PIXELS, 6, j) + c, p7 = pointer(PIXELS, 7, j) + c, p8 = pointer(PIXELS, 8, j) + c;
  for (let s: usize = 0; s < count; s += 16) {
    const q = SCRATCH + s * 81 + (j << 4);
    transform5(v128.load(p0 + s), v128.load(p2 + s), v128.load(p4 + s), v128.load(p6 + s), v128.load(p8 + s), q, 144);
    v128.store(q, v128.load(p1 + s), 720);
    v128.store(q, v128.load(p3 + s), 864);
    v128.store(q, v128.load(p5 + s), 1008);
    v128.store(q, v128.load(p7 + s), 1152);
  }
}

// @ts-ignore: decorator
@inline
function sourceRow(i: usize, to: usize, count: usize): void {
  for (let s: usize = 0; s < count; s += 16) {
    const q = SCRATCH + s * 81 + i * 144, v = to + s;
    transform5(v128.load(q), v128.load(q, 32), v128.load(q, 64), v128.load(q, 96), v128.load(q, 128), v, LEFT_BYTES);
    v128.store(v + 5 * LEFT_BYTES, v128.load(q, 16));
    v128.store(v + 6 * LEFT_BYTES, v128.load(q, 48));
    v128.store(v + 7 * LEFT_BYTES, v128.load(q, 80));
    v128.store(v + 8 * LEFT_BYTES, v128.load(q, 112));
  }
}

/** B^T e for the five even pixels. */
// @ts-ignore: decorator
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
  for (let c: usize = 0; c < bytes; c += LINE) {
    const count = min(LINE, bytes - c);
    const p = products + (c >> 5) * PRODUCT_BYTES;
    for (let i: usize = 0; i < 9; i++) resultRow(i, p + i * 9 * stride, stride, count);
    for (let j: usize = 0; j < 4; j++) resultColumn(j, bias + c, c, count, residual);
  }
}

/** m A for one row of the 9x9 products. */
// @ts-ignore: decorator
@inline
function resultRow(i: usize, from: usize, stride: usize, count: usize): void {
  for (let s: usize = 0; s < count; s += 16) {
    const p = from + (s >> 5) * PRODUCT_BYTES + (s & 16), q = SCRATCH + s * 81 + (i << 6);
    const m1 = v128.load(p + stride), m2 = v128.load(p + 2 * stride), m3 = v128.load(p + 3 * stride);
    const s1 = add(m1, m2), d1 = sub(m1, m2);
    v128.store(q, add(add(v128.load(p), s1), add(m3, v128.load(p + 5 * stride))));
    v128.store(q, madd(m3, K(C.Two), add(d1, v128.load(p + 6 * stride))), 16);
    v128.store(q, madd(m3, K(C.Four), add(s1, v128.load(p + 7 * stride))), 32);
    v128.store(q, madd(m3, K(C.Eight), add(d1, add(v128.load(p + 4 * stride), v128.load(p + 8 * stride)))), 48);
  }
}

/** A^T m for one of the four columns left, plus the bias. */
// @ts-ignore: decorator
@inline
function resultColumn(j: usize, bias: usize, c: usize, count: usize, residual: bool): void {
  for (let s: usize = 0; s < count; s += 16) {
    const q = SCRATCH + s * 81 + (j << 4), b = v128.load(bias + s);
    const m1 = v128.load(q, 64), m2 = v128.load(q, 128), m3 = v128.load(q, 192);
    const s1 = add(add(m1, m2), b), d1 = add(sub(m1, m2), b);
    put(0, j, add(add(v128.load(q), s1), add(m3, v128.load(q, 320))), c + s, residual);
    put(1, j, madd(m3, K(C.Two), add(d1, v128.load(q, 384))), c + s, residual);
    put(2, j, madd(m3, K(C.Four), add(s1, v128.load(q, 448))), c + s, residual);
    put(3, j, madd(m3, K(C.Eight), add(d1, add(v128.load(q, 256), v128.load(q, 512)))), c + s, residual);
  }
}

// 3x3 convolution at stride 1 by Winograd's F(4x4, 3x3): a tile of 4x4 results takes 36 products instead of 144.
//
// A block of tiles goes through three steps: transform the 6x6 source pixels of each tile, multiply at each of the 36
// positions (a matrix product over channels), transform the products back. NHWC; tiles are taken six at a time, because
// that is the height of the micro-kernel.
//   transformed source   V [36][group][channels/32][6][32]
//   transformed weights  U [36][in/32][out/8][32][8]
//   products             M [36][group][out/8][6][8]
import { SLICE, TRASH, ZERO } from "../shared";
import { pointer, SCRATCH, scratch, setPointer } from "./area";
import { copyLeft } from "./left";
import { rows } from "./rows";
import { add, C, K, madd, nmadd, sub } from "./simd";

// @ts-ignore: decorator
@unmanaged
export class WinogradFields {
  x: usize;
  weights: usize;
  bias: usize;
  /** Added to the result, or 0. */
  residual: usize;
  y: usize;
  images: i32;
  /** Sides of the result. */
  height: i32;
  width: i32;
  /** 1 if each source pixel counts as 2x2 pixels. */
  upsample: i32;
  /** Channels as stored: multiples of 4. */
  inChannels: i32;
  outChannels: i32;
  /** Blocks are ranges of tiles times ranges of output channels. */
  tileBlocks: i32;
  channelBlocks: i32;
  workspace: usize;
  workspaceBytes: usize;
}

const POSITIONS: usize = 36;
const TILE: i32 = 4;
const GROUP: i32 = 6;
/** Bytes of one slice of V: [6][32]. */
const V_SLICE: usize = <usize>GROUP * SLICE * 4;
/** Bytes of one slice of M: [6][8]. */
const M_SLICE: usize = <usize>GROUP * 8 * 4;
/** Bytes of one slice of U: [32][8]. */
const U_SLICE: usize = SLICE * 8 * 4;
/** Keeps consecutive positions out of the same cache sets. */
const STAGGER: usize = 192;
/** Pointers to the residual's pixels follow those to the result's. */
const RESIDUAL: usize = 16;

export function winograd(f: WinogradFields, block: i32, thread: i32): void {
  const across = (f.width + TILE - 1) / TILE;
  const tiles = f.images * across * ((f.height + TILE - 1) / TILE);
  const groups = (tiles + GROUP - 1) / GROUP;
  const part = block / f.channelBlocks;
  const first = groups * part / f.tileBlocks;
  const count = groups * (part + 1) / f.tileBlocks - first;
  const octets = (f.outChannels + 7) / 8;
  const channelPart = block % f.channelBlocks;
  const octet = octets * channelPart / f.channelBlocks;
  const octetCount = octets * (channelPart + 1) / f.channelBlocks - octet;
  const slices = (f.inChannels + SLICE - 1) / SLICE;

  const vStride = <usize>count * slices * V_SLICE + STAGGER;
  const mStride = <usize>count * octetCount * M_SLICE + STAGGER;
  const v = f.workspace + <usize>thread * f.workspaceBytes;
  const m = v + POSITIONS * vStride;
  transformSources(f, first, count, v, vStride);
  for (let position: usize = 0; position < POSITIONS; position++) {
    const products = m + position * mStride;
    if (f.upsample && cancels(position)) {
      memory.fill(products, 0, mStride);
    } else {
      const u = f.weights + (position * slices * octets + octet) * U_SLICE;
      multiply(u, <usize>octets * U_SLICE, v + position * vStride, products, slices, count, octetCount);
    }
  }
  transformProducts(f, first * GROUP, min((first + count) * GROUP, tiles), octet, octetCount, m, mStride);
}

/** In an image of doubled pixels the third transformed row and column are differences of equal pixels. */
// @ts-ignore: decorator
@inline
function cancels(position: usize): bool {
  return position / 6 == 2 || position % 6 == 2;
}

/** The matrix product at one position. */
function multiply(
  u: usize,
  uStride: usize,
  v: usize,
  m: usize,
  slices: i32,
  groups: i32,
  octets: i32,
): void {
  for (let slice = 0; slice < slices; slice++, u += uStride) {
    for (let group = 0; group < groups; group++) {
      copyLeft(v + <usize>(group * slices + slice) * V_SLICE);
      rows(octets, u, m + <usize>(group * octets) * M_SLICE, slice == 0);
    }
  }
}

/** Writes the transformed sources of `groups` groups of tiles, beginning with group `first`. */
function transformSources(f: WinogradFields, first: i32, groups: i32, v: usize, stride: usize): void {
  const groupBytes = <usize>((f.inChannels + SLICE - 1) / SLICE) * V_SLICE;
  for (let i = 0; i < groups * GROUP; i++) {
    pointToSources(f, first * GROUP + i);
    const to = v + <usize>(i / GROUP) * groupBytes + <usize>(i % GROUP) * SLICE * 4;
    transformTile(to, stride, <usize>f.inChannels << 2);
  }
}

/** Sets the pointers to the 6x6 source pixels of a tile. Beyond the image (or the last tile) lies a pixel of zeros. */
function pointToSources(f: WinogradFields, tile: i32): void {
  const across = (f.width + TILE - 1) / TILE;
  const perImage = across * ((f.height + TILE - 1) / TILE);
  const image = tile / perImage;
  const top = tile % perImage / across * TILE - 1;
  const left = tile % across * TILE - 1;
  const up = f.upsample;
  const sourceWidth = f.width >> up;
  const firstRow = image * (f.height >> up);
  for (let a = 0; a < 6; a++) {
    const y = top + a;
    const rowInside = image < f.images && <u32>y < <u32>f.height;
    const row = (firstRow + (y >> up)) * sourceWidth;
    for (let b = 0; b < 6; b++) {
      const x = left + b;
      const inside = rowInside && <u32>x < <u32>f.width;
      const source = f.x + ((<usize>(row + (x >> up)) * f.inChannels) << 2);
      setPointer(a * 6 + b, inside ? source : <usize>ZERO);
    }
  }
}

/** One tile, all channels: 36 pixels to 36 positions, `stride` bytes apart. */
function transformTile(to: usize, stride: usize, bytes: usize): void {
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
    for (; q < end; q += 16) {
      for (let p: usize = 0; p < POSITIONS; p++) v128.store(q + p * stride, i32x4.splat(0));
    }
  }
}

// @ts-ignore: decorator
@inline
function source(i: usize, c: usize): v128 {
  return v128.load(pointer(i) + c);
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

/** Turns the products of tiles `first` to `end` into results: channels from `octet * 8` on. */
function transformProducts(
  f: WinogradFields,
  first: i32,
  end: i32,
  octet: i32,
  octets: i32,
  m: usize,
  stride: usize,
): void {
  const from = <usize>octet * 32;
  const bytes = min(<usize>octets * 32, (<usize>f.outChannels << 2) - from);
  for (let tile = first; tile < end; tile++) {
    const i = tile - first;
    const products = m + <usize>(i / GROUP * octets) * M_SLICE + <usize>(i % GROUP) * 32;
    pointToResults(f, tile, from);
    if (f.residual) resultTile(products, stride, bytes, f.bias + from, true);
    else resultTile(products, stride, bytes, f.bias + from, false);
  }
}

/** Sets the pointers to a tile's 4x4 pixels of the result and of the residual. */
function pointToResults(f: WinogradFields, tile: i32, from: usize): void {
  const across = (f.width + TILE - 1) / TILE;
  const perImage = across * ((f.height + TILE - 1) / TILE);
  const firstRow = tile / perImage * f.height;
  const top = tile % perImage / across * TILE;
  const left = tile % across * TILE;
  for (let i = 0; i < TILE * TILE; i++) {
    const y = top + i / TILE, x = left + i % TILE;
    const inside = y < f.height && x < f.width;
    const offset = ((<usize>((firstRow + y) * f.width + x) * f.outChannels) << 2) + from;
    setPointer(i, inside ? f.y + offset : <usize>TRASH);
    setPointer(RESIDUAL + i, inside ? f.residual + offset : <usize>ZERO);
  }
}

// @ts-ignore: decorator
@inline
function resultTile(products: usize, stride: usize, bytes: usize, bias: usize, residual: bool): void {
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

// @ts-ignore: decorator
@inline
function put(i: usize, value: v128, c: usize, residual: bool): void {
  if (residual) value = add(value, v128.load(pointer(RESIDUAL + i) + c));
  v128.store(pointer(i) + c, value);
}

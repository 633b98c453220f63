// The index of the nearest code for each pixel, and of the second nearest if wanted. Distances are sums of squared
// differences, not the expanded square, which would lose near ties; or else negated inner products. Four pixels are compared
// to eight codes at a time.
//   codebook  [codes/8][channels][8], padded with NaN
import { NearestCodeFields } from "../job_fields";
import { SCRATCH, scratch } from "../memory/area";
import { startOf } from "../memory/partition";
import { madd, nmadd, splat, sub } from "../simd/simd";

/** Scratch memory holds eight vectors of least distances (two per pixel), then eight of their indices. */
const INDICES: usize = 8;
/** Then as much for the second least distances. */
const SECOND: usize = 16;

export function nearestCode(f: NearestCodeFields, block: i32): void {
  const quads = (f.pixels + 3) / 4;
  const end = startOf(block + 1, f.blocks, quads);
  for (let quad = startOf(block, f.blocks, quads); quad < end; quad++) {
    if (f.second) {
      if (f.product) compareAll(f, quad * 4, true, true);
      else compareAll(f, quad * 4, false, true);
    } else if (f.product) compareAll(f, quad * 4, true, false);
    else compareAll(f, quad * 4, false, false);
    for (let i = 0; i < min(4, f.pixels - quad * 4); i++) {
      const y = f.y + (<usize> (quad * 4 + i) << 2);
      const nearest = lowest(<usize> i, 0, -1, f.none);
      store<i32>(y, nearest);
      if (f.second) store<i32>(y + (<usize> f.pixels << 2), lowest(<usize> i, SECOND, nearest, -1));
    }
  }
}

/** Leaves the least distances of four pixels in scratch memory. NaN is never less, so its pixel keeps index `none`. */
@inline
function compareAll(f: NearestCodeFields, pixel: i32, product: bool, second: bool): void {
  const last = f.pixels - 1;
  const z0 = pixelAt(f, pixel), z1 = pixelAt(f, min(pixel + 1, last));
  const z2 = pixelAt(f, min(pixel + 2, last)), z3 = pixelAt(f, min(pixel + 3, last));
  for (let i: usize = 0; i < 8; i++) {
    v128.store(SCRATCH + (i << 4), splat(f32.POSITIVE_INFINITY));
    v128.store(SCRATCH + ((INDICES + i) << 4), i32x4.splat(f.none));
    if (second) v128.store(SCRATCH + ((SECOND + i) << 4), splat(f32.POSITIVE_INFINITY));
  }
  const bytes = <usize> f.channels << 2;
  let index0 = i32x4(0, 1, 2, 3), index1 = i32x4(4, 5, 6, 7);
  for (let code = 0, e = f.codebook; code < f.codes; code += 8) {
    let a0 = splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
    for (let c: usize = 0; c < bytes; c += 4, e += 32) {
      const e0 = v128.load(e), e1 = v128.load(e, 16);
      const p0 = v128.load32_splat(z0 + c), p1 = v128.load32_splat(z1 + c);
      const p2 = v128.load32_splat(z2 + c), p3 = v128.load32_splat(z3 + c);
      a0 = addTerm(a0, e0, p0, product);
      a1 = addTerm(a1, e1, p0, product);
      b0 = addTerm(b0, e0, p1, product);
      b1 = addTerm(b1, e1, p1, product);
      c0 = addTerm(c0, e0, p2, product);
      c1 = addTerm(c1, e1, p2, product);
      d0 = addTerm(d0, e0, p3, product);
      d1 = addTerm(d1, e1, p3, product);
    }
    keep(0, a0, index0, second);
    keep(1, a1, index1, second);
    keep(2, b0, index0, second);
    keep(3, b1, index1, second);
    keep(4, c0, index0, second);
    keep(5, c1, index1, second);
    keep(6, d0, index0, second);
    keep(7, d1, index1, second);
    index0 = i32x4.add(index0, i32x4.splat(8));
    index1 = i32x4.add(index1, i32x4.splat(8));
  }
}

function pixelAt(f: NearestCodeFields, pixel: i32): usize {
  return f.x + (<usize> (pixel * f.stored) << 2);
}

@inline
function addTerm(sum: v128, code: v128, pixel: v128, product: bool): v128 {
  if (product) return nmadd(code, pixel, sum);
  const difference = sub(code, pixel);
  return madd(difference, difference, sum);
}

/** Keeps the lanes of `distance` that are less than those in scratch memory at `i`. */
@inline
function keep(i: usize, distance: v128, index: v128, second: bool): void {
  const least = scratch(i);
  const less = f32x4.lt(distance, least);
  if (second) keepSecond(i, distance, index, less);
  v128.store(SCRATCH + (i << 4), v128.bitselect(distance, least, less));
  v128.store(SCRATCH + ((INDICES + i) << 4), v128.bitselect(index, scratch(INDICES + i), less));
}

/** Keeps the second least: what was the least where `distance` is less, and `distance` where it is between both. */
@inline
function keepSecond(i: usize, distance: v128, index: v128, less: v128): void {
  const second = scratch(SECOND + i), secondIndex = scratch(SECOND + INDICES + i);
  const replaced = v128.or(less, f32x4.lt(distance, second));
  const loser = v128.bitselect(scratch(i), distance, less);
  const loserIndex = v128.bitselect(scratch(INDICES + i), index, less);
  v128.store(SCRATCH + ((SECOND + i) << 4), v128.bitselect(loser, second, replaced));
  v128.store(SCRATCH + ((SECOND + INDICES + i) << 4), v128.bitselect(loserIndex, secondIndex, replaced));
}

/**
 * The index with the least distance in a pixel's vectors up to `last`, the lowest on ties; `none` where none is finite.
 * Index `except` does not count.
 */
function lowest(pixel: usize, last: usize, except: i32, none: i32): i32 {
  let least = f32.POSITIVE_INFINITY, index = none;
  for (let rank: usize = 0; rank <= last; rank += SECOND) {
    for (let lane: usize = 0; lane < 8; lane++) {
      const at = SCRATCH + (rank << 4) + (pixel << 5) + (lane << 2);
      const distance = load<f32>(at), candidate = load<i32>(at + (INDICES << 4));
      if (candidate == except) continue;
      if (distance < least || (distance == least && candidate < index)) {
        least = distance;
        index = candidate;
      }
    }
  }
  return isFinite(least) ? index : none;
}

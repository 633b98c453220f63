// Convolution as a matrix product that gathers its lhs panels on the fly (implicit GEMM): 1x1, 3x3 at stride 2, and 3x3
// over few channels. Six pixels at a time; the inner dimension runs over (tap, channel).
//   weights     [taps*channels/32][out/8][32][8]
//   lhs panels  [slice][group][6][32]: of at most GATHER_SLICES slices at a time
//   products    [group][out/8][6][8]
import { GATHER_SLICES, GROUP, POINTERS_PER_TAP, SLICE, ZERO } from "../../abi";
import { ImplicitGemmFields } from "../job_fields";
import { LHS, POINTERS } from "../memory/area";
import { startOf } from "../memory/partition";
import { copyPartialRow, copyRow, LHS_BYTES, setLhs } from "./lhs_panel";
import { rows4 } from "./micro_kernels";
import { multiply, PRODUCT_BYTES } from "./multiply";
import { RHS_BYTES } from "./rhs_panel";
import { add } from "../simd/simd";

// For each of eight results: the address of its image, and the top left of its source window.
const IMAGES: usize = POINTERS, TOPS: usize = POINTERS + 32, LEFTS: usize = POINTERS + 64;
/** At most as many values beyond whole slices are multiplied by fours: a slice would be mostly padding. */
const FEW: i32 = 16;

export function implicitGemm(f: ImplicitGemmFields, block: i32, thread: i32): void {
  const pixels = f.images * f.outHeight * f.outWidth;
  const groups = (pixels + GROUP - 1) / GROUP;
  const part = block / f.channelBlocks;
  const first = startOf(part, f.pixelBlocks, groups);
  const count = startOf(part + 1, f.pixelBlocks, groups) - first;
  const octets = (f.outChannels + 7) / 8;
  const channelPart = block % f.channelBlocks;
  const octet = startOf(channelPart, f.channelBlocks, octets);
  const octetCount = startOf(channelPart + 1, f.channelBlocks, octets) - octet;
  const inner = f.kernel * f.kernel * f.tapChannels;
  const slices = f.tapChannels < 4 ? 1 : (inner + SLICE - 1 - FEW) / SLICE;

  const pointers = f.workspace + <usize> thread * f.workspaceBytes;
  const groupPointers = <usize> (f.kernel * f.kernel) * POINTERS_PER_TAP << 2;
  const lhs = pointers + <usize> count * groupPointers;
  const lhsStep = <usize> count * LHS_BYTES;
  const products = lhs + <usize> min(slices, GATHER_SLICES) * lhsStep;
  for (let g = 0; g < count; g++) pointToSources(f, (first + g) * GROUP, pointers + <usize> g * groupPointers);
  for (let slice = 0; slice < slices; slice += GATHER_SLICES) {
    const depth = min(GATHER_SLICES, slices - slice);
    // All slices of a pixel before the next pixel: memory is read in order.
    for (let g = 0; g < count; g++) {
      const from = pointers + <usize> g * groupPointers, to = lhs + <usize> g * LHS_BYTES;
      for (let i = 0; i < depth; i++) gather(f, from, (slice + i) * SLICE, to + <usize> i * lhsStep);
    }
    const weights = f.weights + <usize> (slice * octets + octet) * RHS_BYTES, rhsStep = <usize> octets * RHS_BYTES;
    multiply(depth, count, octetCount, lhs, lhsStep, LHS_BYTES, weights, rhsStep, products, slice == 0);
  }
  for (let k = slices * SLICE; k < inner; k += 4) {
    const weights = f.weights + <usize> (slices * octets + octet) * RHS_BYTES + (<usize> (k % SLICE) << 5);
    for (let g = 0; g < count; g++) {
      gather4(f, pointers + <usize> g * groupPointers, k);
      rows4(octetCount, weights, products + <usize> (g * octetCount) * PRODUCT_BYTES, k == 0);
    }
  }
  writeResults(f, first * GROUP, min((first + count) * GROUP, pixels), octet, octetCount, products);
}

/** Writes the pointers to the source pixels of eight results, of which six are used: [tap][8]. */
function pointToSources(f: ImplicitGemmFields, first: i32, to: usize): void {
  placeWindows(f, first);
  const height = i32x4.splat(f.height << f.upsample), width = i32x4.splat(f.width << f.upsample);
  const columns = i32x4.splat(f.width), pixelBytes = i32x4.splat(f.inChannels << 2);
  for (let half: usize = 0; half < 32; half += 16) {
    const images = v128.load(IMAGES + half), tops = v128.load(TOPS + half), lefts = v128.load(LEFTS + half);
    let p = to + half;
    for (let dy = 0; dy < f.kernel; dy++) {
      const y = i32x4.add(tops, i32x4.splat(dy));
      const row = i32x4.mul(i32x4.shr_u(y, f.upsample), columns), rowInside = i32x4.lt_u(y, height);
      for (let dx = 0; dx < f.kernel; dx++, p += POINTERS_PER_TAP << 2) {
        const x = i32x4.add(lefts, i32x4.splat(dx));
        const inside = v128.and(rowInside, i32x4.lt_u(x, width));
        const pixel = i32x4.add(row, i32x4.shr_u(x, f.upsample));
        const pointers = i32x4.add(images, i32x4.mul(pixel, pixelBytes));
        v128.store(p, v128.bitselect(pointers, i32x4.splat(ZERO), inside));
      }
    }
  }
}

/** Sets image, top and left of the source windows of eight results. Beyond the last image, windows lie outside of it. */
function placeWindows(f: ImplicitGemmFields, first: i32): void {
  let image = first / (f.outHeight * f.outWidth);
  let row = first / f.outWidth % f.outHeight, column = first % f.outWidth;
  for (let lane: usize = 0; lane < 32; lane += 4) {
    store<u32>(IMAGES + lane, <u32> f.x + (image * f.height * f.width * f.inChannels << 2));
    store<i32>(TOPS + lane, image < f.images ? row * f.stride - f.padding : i32.MIN_VALUE);
    store<i32>(LEFTS + lane, column * f.stride - f.padding);
    if (++column < f.outWidth) continue;
    column = 0;
    if (++row < f.outHeight) continue;
    row = 0;
    image++;
  }
}

/** Fills an lhs panel with 32 values of the inner dimension, from `k` on. */
function gather(f: ImplicitGemmFields, pointers: usize, k: i32, lhs: usize): void {
  if (f.tapChannels < 4) return gatherAllTaps(f, pointers, lhs);
  const tap = k / f.inChannels, c = k % f.inChannels;
  const p = pointers + (<usize> tap * POINTERS_PER_TAP << 2);
  if (c + SLICE <= f.inChannels) {
    for (let r = 0; r < GROUP; r++) copyRow(lhs, r, <usize> load<u32>(p + (<usize> r << 2)) + (<usize> c << 2));
  } else if (tap == f.kernel * f.kernel - 1) {
    for (let r = 0; r < GROUP; r++) {
      copyPartialRow(
        lhs,
        r,
        <usize> load<u32>(p + (<usize> r << 2)) + (<usize> c << 2),
        <usize> (f.inChannels - c) << 2,
      );
    }
  } else {
    gatherAcrossTaps(f, pointers, tap, c, lhs);
  }
}

/** {@link gather} of one to three channels of all taps: each tap overwrites the padding of the one before. */
function gatherAllTaps(f: ImplicitGemmFields, pointers: usize, lhs: usize): void {
  for (let r = 0; r < GROUP; r++) {
    copyPartialRow(lhs, r, ZERO, 0);
    for (let tap = 0; tap < f.kernel * f.kernel; tap++) {
      const p = <usize> load<u32>(pointers + (<usize> (tap * POINTERS_PER_TAP + r) << 2));
      setLhs(lhs, r, tap * f.tapChannels, v128.load(p));
    }
  }
}

/** Fills the first columns of the lhs panel with four values of one tap, from `k` on. */
function gather4(f: ImplicitGemmFields, pointers: usize, k: i32): void {
  const p = pointers + (<usize> (k / f.inChannels) * POINTERS_PER_TAP << 2), c = <usize> (k % f.inChannels) << 2;
  for (let r = 0; r < GROUP; r++) setLhs(LHS, r, 0, v128.load(<usize> load<u32>(p + (<usize> r << 2)) + c));
}

/** {@link gather} where the 32 values belong to more than one tap. */
function gatherAcrossTaps(f: ImplicitGemmFields, pointers: usize, tap: i32, c: i32, lhs: usize): void {
  const taps = f.kernel * f.kernel;
  for (let i = 0; i < SLICE; i += 4) {
    for (let r = 0; r < GROUP; r++) {
      const p = <usize> load<u32>(pointers + (<usize> tap * POINTERS_PER_TAP + r << 2)) + (<usize> c << 2);
      setLhs(lhs, r, i, tap < taps ? v128.load(p) : i32x4.splat(0));
    }
    c += 4;
    if (c == f.inChannels) {
      c = 0;
      tap++;
    }
  }
}

/** Adds bias and residual to the products of pixels `first` to `end`, channels from `octet * 8` on. */
function writeResults(f: ImplicitGemmFields, first: i32, end: i32, octet: i32, octets: i32, products: usize): void {
  const from = <usize> octet * 32, pixelBytes = <usize> f.outChannels << 2;
  const bytes = min(<usize> octets * 32, pixelBytes - from);
  const bias = f.bias + from;
  let offset = <usize> first * pixelBytes + from;
  for (let i = 0; i < end - first; i++, offset += pixelBytes) {
    const m = products + <usize> (i / GROUP * octets) * PRODUCT_BYTES + <usize> (i % GROUP) * 32;
    if (f.residual) writePixel(m, bias, f.residual + offset, f.y + offset, bytes, true);
    else writePixel(m, bias, 0, f.y + offset, bytes, false);
  }
}

/** Writes `bytes` of a pixel: whole octets of channels, and perhaps half of one. */
@inline
function writePixel(m: usize, bias: usize, residual: usize, y: usize, bytes: usize, hasResidual: bool): void {
  for (const end = y + (bytes & ~31); y < end; m += PRODUCT_BYTES, bias += 32, residual += 32, y += 32) {
    writeVector(m, bias, residual, y, hasResidual);
    writeVector(m + 16, bias + 16, residual + 16, y + 16, hasResidual);
  }
  if (bytes & 16) writeVector(m, bias, residual, y, hasResidual);
}

@inline
function writeVector(m: usize, bias: usize, residual: usize, y: usize, hasResidual: bool): void {
  const value = add(v128.load(m), v128.load(bias));
  v128.store(y, hasResidual ? add(value, v128.load(residual)) : value);
}

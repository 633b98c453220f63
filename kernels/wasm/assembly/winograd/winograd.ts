// 3x3 convolution by Winograd's F(4x4, 3x3) or F(6x6, 3x3): a tile of 4x4 results takes 36 products instead of 144, one of
// 6x6 results 64 instead of 324. At stride 2, a tile of 4x4 results takes 81 instead of 144.
//
// Three steps: transform the source pixels of each tile, which may be normalized first, multiply at each position of the
// transformed tile (a matrix product over channels), transform the products back. NHWC; tiles come in groups of six, the height
// of the micro-kernel.
//
// On large maps, a block of tiles goes through all steps, some slices of source channels at a time, so that the transformed
// source is used while it is in the cache. All blocks share the transformed weights.
//   transformed source   V [group][DEPTH][position][6][32], of a block
//   transformed weights  U [slice][position][octet][32][8]
//   products             M [position][group][octet][6][8], of a block
//
// On small maps, all sources are transformed first. Then a block is a chunk of output channels: it transforms its weights,
// some slices at a time, so that they are used while they are in the cache, as are the products.
//   transformed source   V [slice][position][group][6][32]
//   transformed weights  U [DEPTH][octet][position][32][8], of a chunk
//   products             M [position][group][octet][6][8], of a chunk
import { DEPTH, GROUP, RING_BYTES, SLICE, STAGGER, TRASH, ZERO } from "../../abi";
import { WinogradWeightsFields as WinogradFields } from "../job_fields";
import { startOf } from "../memory/partition";
import { LHS_BYTES } from "../matmul/lhs_panel";
import { multiply, PRODUCT_BYTES } from "../matmul/multiply";
import { PIXELS, pointToPixels, RESIDUALS } from "../memory/pointers";
import { multiplyCached } from "./multiply_cached";
import { normalizeTile } from "./normalize_tile";
import { sourceSide, tilesAcross, tilesDown, tilesOf } from "./tiles";
import { resultTile4, resultTile6, resultTileStrided, sourceTile4, sourceTile6, sourceTileStrided } from "./transforms";
import {
  octetStrideSmall,
  panelBytesLarge,
  POSITION_STRIDE_SMALL,
  positionStrideLarge,
  transformWeights,
} from "./weight_panel";

/** A block of tiles of a large map. */
export function winogradLarge(f: WinogradFields, block: i32, thread: i32): void {
  const groups = groupsOf(f), slices = slicesOf(f), positions = positionsOf(f), octets = (f.outChannels + 7) / 8;
  const first = startOf(block, f.tileBlocks, groups), count = startOf(block + 1, f.tileBlocks, groups) - first;
  // With padding: powers of two would share cache sets.
  const groupStride = <usize> (DEPTH * positions + 1) * LHS_BYTES;
  const ring = f.workspace + <usize> thread * f.workspaceBytes;
  const v = ring + (f.coefficients ? RING_BYTES : 0), m = v + <usize> count * groupStride;
  for (let slice = 0; slice < slices; slice += DEPTH) {
    const depth = min(DEPTH, slices - slice), panels = f.panels + <usize> slice * panelBytesLarge(f);
    transformSources(f, first, count, slice, depth, v, LHS_BYTES, groupStride, ring);
    multiplyPositions(f, depth, count, octets, v, LHS_BYTES, groupStride, panels, m, slice == 0);
  }
  transformProducts(f, first, count, 0, octets, m);
}

/** Transforms the sources of a group of tiles of a small map. */
export function winogradSources(f: WinogradFields, group: i32, thread: i32): void {
  const slices = slicesOf(f), stride = sourceStride(f), sliceStride = <usize> positionsOf(f) * stride;
  const ring = f.workspace + <usize> thread * f.workspaceBytes;
  let to = f.sources + <usize> group * LHS_BYTES;
  for (let slice = 0; slice < slices; slice += DEPTH, to += DEPTH * sliceStride) {
    transformSources(f, group, 1, slice, min(DEPTH, slices - slice), to, stride, 0, ring);
  }
}

/** A chunk of output channels of some tiles of a small map. */
export function winogradSmall(f: WinogradFields, block: i32, thread: i32): void {
  const groups = groupsOf(f), slices = slicesOf(f), octets = (f.outChannels + 7) / 8;
  const part = block % f.tileBlocks, octet = block / f.tileBlocks * f.chunk, width = min(f.chunk, octets - octet);
  const first = startOf(part, f.tileBlocks, groups), count = startOf(part + 1, f.tileBlocks, groups) - first;
  const stride = sourceStride(f), sliceStride = <usize> positionsOf(f) * stride;
  const u = f.workspace + <usize> thread * f.workspaceBytes, uSlice = <usize> f.chunk * octetStrideSmall(f);
  const v = f.sources + <usize> first * LHS_BYTES, m = u + DEPTH * uSlice;
  for (let slice = 0; slice < slices; slice += DEPTH) {
    const depth = min(DEPTH, slices - slice);
    for (let i = 0; i < depth; i++) transformPanel(f, slice + i, octet, width, u + <usize> i * uSlice);
    const sources = v + <usize> slice * sliceStride;
    multiplyPositions(f, depth, count, width, sources, stride, LHS_BYTES, u, m, slice == 0);
  }
  transformProducts(f, first, count, octet, width, m);
}

/** Transforms the weights of a slice and a chunk of octets of a small map. */
function transformPanel(f: WinogradFields, slice: i32, octet: i32, octets: i32, to: usize): void {
  for (let i = 0; i < octets; i++, to += octetStrideSmall(f)) {
    transformWeights(f, slice, octet + i, to, POSITION_STRIDE_SMALL);
  }
}

/** Bytes from the transformed sources of one position of a small map to those of the next. */
@inline
function sourceStride(f: WinogradFields): usize {
  return <usize> groupsOf(f) * LHS_BYTES + STAGGER;
}

@inline
function slicesOf(f: WinogradFields): i32 {
  return (f.inChannels + SLICE - 1) / SLICE;
}

@inline
function groupsOf(f: WinogradFields): i32 {
  return (tilesOf(f) + GROUP - 1) / GROUP;
}

/** Bytes from the products of one position to those of the next. */
@inline
function productStride(groups: i32, octets: i32): usize {
  return <usize> (groups * octets) * PRODUCT_BYTES + STAGGER;
}

/**
 * Multiplies `depth` slices of transformed sources by those of weights at all positions. Sources are `positionStride` and
 * `groupStride` bytes apart.
 */
function multiplyPositions(
  f: WinogradFields,
  depth: i32,
  groups: i32,
  octets: i32,
  v: usize,
  positionStride: usize,
  groupStride: usize,
  panels: usize,
  products: usize,
  isFirst: bool,
): void {
  const side = sourceSide(f), positions = positionsOf(f), mStride = productStride(groups, octets);
  const vSlice = <usize> positions * positionStride;
  for (let position = 0; position < positions; position++, v += positionStride, products += mStride) {
    if (f.upsample && cancels(position, side)) {
      if (isFirst) memory.fill(products, 0, mStride);
      continue;
    }
    const weights = <usize> (f.stride == 1 ? position : stridedWeights(position));
    if (f.panels) {
      const u = panels + weights * positionStrideLarge(f), uSlice = panelBytesLarge(f);
      multiply(depth, groups, octets, v, vSlice, groupStride, u, uSlice, products, isFirst);
    } else {
      const u = panels + weights * POSITION_STRIDE_SMALL,
        uOctet = octetStrideSmall(f),
        uSlice = <usize> f.chunk * uOctet;
      multiplyCached(depth, groups, octets, v, vSlice, groupStride, u, uSlice, uOctet, products, isFirst);
    }
  }
}

/** At stride 2, the last four of nine positions along a side share their weights. */
@inline
function stridedWeights(position: i32): i32 {
  return min(position / 9, 5) * 6 + min(position % 9, 5);
}

/** With upsampling, the third transformed row and column are differences of equal pixels. */
@inline
function cancels(position: i32, side: i32): bool {
  return position / side == 2 || position % side == 2;
}

/** There are as many positions as source pixels. */
@inline
function positionsOf(f: WinogradFields): i32 {
  return sourceSide(f) * sourceSide(f);
}

/**
 * Writes slices `slice` to `slice + depth` of the transformed sources of groups `first` to `first + groups` of tiles. Positions
 * and groups are `positionStride` and `groupStride` bytes apart. Pixels that are to be normalized go through the ring.
 */
function transformSources(
  f: WinogradFields,
  first: i32,
  groups: i32,
  slice: i32,
  depth: i32,
  v: usize,
  positionStride: usize,
  groupStride: usize,
  ring: usize,
): void {
  const from = <usize> (slice * SLICE) << 2;
  const end = min(<usize> ((slice + depth) * SLICE), <usize> f.inChannels) << 2;
  for (let i = 0; i < groups * GROUP; i++) {
    pointToSources(f, first * GROUP + i);
    if (f.coefficients) normalizeTile(f, first * GROUP + i, i == 0, from, end, ring);
    const to = v + <usize> (i / GROUP) * groupStride + <usize> (i % GROUP) * SLICE * 4;
    if (f.stride == 2) sourceTileStrided(to, positionStride, from, end);
    else if (f.side == 4) sourceTile4(to, positionStride, from, end);
    else sourceTile6(to, positionStride, from, end);
  }
}

/** Points to the source pixels of a tile; outside the image, and beyond the last tile, to zeros. */
function pointToSources(f: WinogradFields, tile: i32): void {
  const across = tilesAcross(f), perImage = across * tilesDown(f);
  const image = tile / perImage;
  // At stride 2 there is padding only to the right and below.
  const padding = i32(f.stride == 1);
  const top = tile % perImage / across * f.side * f.stride - padding;
  const left = tile % across * f.side * f.stride - padding;
  const pixelBytes = f.inChannels << 2;
  const first = f.x + <usize> (image * f.height * f.width * pixelBytes);
  const height = image < f.images ? f.height : 0;
  pointToPixels(PIXELS, sourceSide(f), top, left, first, height, f.width, pixelBytes, f.upsample, ZERO);
}

/** Turns the products of groups `first` to `first + groups` of tiles into results: channels from `octet * 8` on. */
function transformProducts(f: WinogradFields, first: i32, groups: i32, octet: i32, octets: i32, m: usize): void {
  const from = <usize> octet * 32, stride = productStride(groups, octets);
  const bytes = min(<usize> octets * 32, (<usize> f.outChannels << 2) - from);
  const tiles = min(groups * GROUP, tilesOf(f) - first * GROUP);
  for (let i = 0; i < tiles; i++) {
    const products = m + <usize> (i / GROUP * octets) * PRODUCT_BYTES + <usize> (i % GROUP) * 32;
    pointToResults(f, first * GROUP + i, from);
    if (f.stride == 2) resultTileStrided(products, stride, bytes, f.bias + from, f.residual != 0);
    else if (f.side == 4) resultTile4(products, stride, bytes, f.bias + from, f.residual != 0);
    else resultTile6(products, stride, bytes, f.bias + from, f.residual != 0);
  }
}

/** Points to a tile's pixels of the result and of the residual. */
function pointToResults(f: WinogradFields, tile: i32, from: usize): void {
  const across = tilesAcross(f), perImage = across * tilesDown(f);
  const top = tile % perImage / across * f.side;
  const left = tile % across * f.side;
  const pixelBytes = f.outChannels << 2;
  const first = <usize> (tile / perImage * f.outHeight * f.outWidth * pixelBytes) + from;
  pointToPixels(PIXELS, f.side, top, left, f.y + first, f.outHeight, f.outWidth, pixelBytes, 0, TRASH);
  if (!f.residual) return;
  pointToPixels(RESIDUALS, f.side, top, left, f.residual + first, f.outHeight, f.outWidth, pixelBytes, 0, ZERO);
}

// 3x3 convolution by Winograd's F(4x4, 3x3) or F(6x6, 3x3): a tile of 4x4 results takes 36 products instead of 144, one of
// 6x6 results 64 instead of 324. At stride 2, a tile of 4x4 results takes 81 instead of 144.
//
// A block of tiles goes through three steps: transform the source pixels of each tile, multiply at each position of the
// transformed tile (a matrix product over channels), transform the products back. The first two take some slices of source
// channels at a time, and of those a chunk of output channels at a time, so that the transformed source and weights are used
// while they are in the cache. NHWC; tiles come in groups of six, the height of the micro-kernel.
//   transformed source   V [group][DEPTH][position][6][32]
//   transformed weights  U [DEPTH][position][octet][32][8], of a chunk
//   products             M [chunk][position][group][octet][6][8]
import { DEPTH, GROUP, SLICE, STAGGER, TRASH, ZERO } from "../../abi";
import { WinogradFields } from "../job_fields";
import { startOf } from "../memory/partition";
import { LHS_BYTES } from "../matmul/lhs_panel";
import { multiply, PRODUCT_BYTES } from "../matmul/multiply";
import { PIXELS, pointToPixels, RESIDUALS } from "../memory/pointers";
import { multiplyCached } from "./multiply_cached";
import { resultTile4, resultTile6, resultTileStrided, sourceTile4, sourceTile6, sourceTileStrided } from "./transforms";
import { panelBytes, transformWeights, weightStride } from "./weight_panel";

export function winograd(f: WinogradFields, block: i32, thread: i32): void {
  const tiles = f.images * tilesAcross(f) * tilesDown(f);
  const groups = (tiles + GROUP - 1) / GROUP;
  const part = block / f.channelBlocks;
  const first = startOf(part, f.tileBlocks, groups);
  const count = startOf(part + 1, f.tileBlocks, groups) - first;
  const pairs = (f.outChannels + 15) / 16;
  const channelPart = block % f.channelBlocks;
  const octet = 2 * startOf(channelPart, f.channelBlocks, pairs);
  const end = min(2 * startOf(channelPart + 1, f.channelBlocks, pairs), (f.outChannels + 7) / 8);
  const slices = (f.inChannels + SLICE - 1) / SLICE;

  const side = sourceSide(f), positions = side * side;
  const u = f.workspace + <usize> thread * f.workspaceBytes;
  const v = u + (f.panels ? 0 : DEPTH * panelBytes(f));
  const m = v + <usize> count * sourceStride(positions);
  const chunkBytes = <usize> positions * productStride(count, f.chunk);
  for (let slice = 0; slice < slices; slice += DEPTH) {
    const depth = min(DEPTH, slices - slice);
    transformSources(f, first, count, slice, depth, v, positions);
    let products = m;
    for (let o = octet; o < end; o += f.chunk, products += chunkBytes) {
      const width = min(f.chunk, end - o);
      for (let i = 0; !f.panels && i < depth; i++) {
        transformWeights(f, slice + i, o, width, u + <usize> i * panelBytes(f));
      }
      const panels = f.panels ? f.panels + <usize> slice * panelBytes(f) : u;
      multiplyChunk(f, v, count, depth, panels, width, products, slice == 0);
    }
  }
  let products = m;
  for (let o = octet; o < end; o += f.chunk, products += chunkBytes) {
    const width = min(f.chunk, end - o), stride = productStride(count, width);
    transformProducts(f, first * GROUP, min((first + count) * GROUP, tiles), o, width, products, stride);
  }
}

/** Bytes from the transformed sources of one group to those of the next, with padding: powers of two would share cache sets. */
@inline
function sourceStride(positions: i32): usize {
  return <usize> (DEPTH * positions + 1) * LHS_BYTES;
}

/** Bytes from the products of one position to those of the next. */
@inline
function productStride(groups: i32, octets: i32): usize {
  return <usize> (groups * octets) * PRODUCT_BYTES + STAGGER;
}

/** Multiplies the transformed sources of `depth` slices by a chunk of weights at all positions. */
function multiplyChunk(
  f: WinogradFields,
  v: usize,
  groups: i32,
  depth: i32,
  panels: usize,
  octets: i32,
  products: usize,
  isFirst: bool,
): void {
  const side = sourceSide(f), positions = side * side;
  const lhsStride = sourceStride(positions), mStride = productStride(groups, octets);
  for (let position = 0; position < positions; position++, products += mStride) {
    if (f.upsample && cancels(position, side)) {
      if (isFirst) memory.fill(products, 0, mStride);
      continue;
    }
    const weights = f.stride == 1 ? position : stridedWeights(position);
    for (let i = 0; i < depth; i++) {
      const lhs = v + <usize> (i * positions + position) * LHS_BYTES;
      const rhs = panels + <usize> i * panelBytes(f) + <usize> weights * weightStride(f);
      if (f.panels) multiply(lhs, lhsStride, groups, rhs, octets, products, isFirst && i == 0);
      else multiplyCached(lhs, lhsStride, groups, rhs, octets, products, isFirst && i == 0);
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

/** Source pixels along the side of a tile: the results' and their halo. There are as many positions. */
@inline
function sourceSide(f: WinogradFields): i32 {
  return (f.side - 1) * f.stride + 3;
}

@inline
function tilesAcross(f: WinogradFields): i32 {
  return (f.outWidth + f.side - 1) / f.side;
}

@inline
function tilesDown(f: WinogradFields): i32 {
  return (f.outHeight + f.side - 1) / f.side;
}

/** Writes slices `slice` to `slice + depth` of the transformed sources of groups `first` to `first + groups` of tiles. */
function transformSources(
  f: WinogradFields,
  first: i32,
  groups: i32,
  slice: i32,
  depth: i32,
  v: usize,
  positions: i32,
): void {
  const from = <usize> (slice * SLICE) << 2;
  const end = min(<usize> ((slice + depth) * SLICE), <usize> f.inChannels) << 2;
  for (let i = 0; i < groups * GROUP; i++) {
    pointToSources(f, first * GROUP + i);
    const to = v + <usize> (i / GROUP) * sourceStride(positions) + <usize> (i % GROUP) * SLICE * 4;
    if (f.stride == 2) sourceTileStrided(to, from, end);
    else if (f.side == 4) sourceTile4(to, from, end);
    else sourceTile6(to, from, end);
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
  const from = <usize> octet * 32;
  const bytes = min(<usize> octets * 32, (<usize> f.outChannels << 2) - from);
  for (let tile = first; tile < end; tile++) {
    const i = tile - first;
    const products = m + <usize> (i / GROUP * octets) * PRODUCT_BYTES + <usize> (i % GROUP) * 32;
    pointToResults(f, tile, from);
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

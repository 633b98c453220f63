// Normalizes the source pixels of tiles, with SiLU. Neighbouring tiles share columns: so pixels are in a ring of columns,
// [row][RING_COLUMNS][DEPTH slices of channels], to which each tile adds its own.
import { RING_COLUMNS, RING_PIXEL } from "../../abi";
import { WinogradWeightsFields as WinogradFields } from "../job_fields";
import { LINE } from "../memory/cache_lines";
import { PIXELS, prefetchPixels, setPointer } from "../memory/pointers";
import { copyCoefficients } from "../simd/coefficients";
import { normalizeSilu } from "../simd/exponential";
import { sourceSide, tilesAcross, tilesDown } from "./tiles";

/**
 * Normalizes channel bytes `from` to `end` of a tile's pixels, to which the table points, and makes it point to the results.
 * Pixels outside the image stay zeros. The ring holds the columns of the tile before, unless this is the first.
 */
export function normalizeTile(f: WinogradFields, tile: i32, isFirst: bool, from: usize, end: usize, ring: usize): void {
  const across = tilesAcross(f), perImage = across * tilesDown(f), side = sourceSide(f);
  const image = tile / perImage;
  if (image >= f.images) return;
  const top = tile % perImage / across * f.side - 1, left = tile % across * f.side - 1;
  const shared = isFirst || left < 0 ? 0 : side - f.side;
  const firstRow = max(top, 0), endRow = min(top + side, f.height);
  const firstColumn = max(left, 0), endColumn = min(left + side, f.width);
  const row = <usize> f.inChannels << 2;
  const coefficients = f.coefficients + <usize> image * 3 * row;
  prefetchPixels(PIXELS, side, shared, from, end);
  for (let c = from; c < end; c += LINE) {
    copyCoefficients(coefficients + c, row);
    for (let y = firstRow; y < endRow; y++) {
      const pixels = f.x + <usize> ((image * f.height + y) * f.width) * row + c, to = ring + (c - from);
      normalizeColumns(pixels, row, max(left + shared, 0), endColumn, ringRow(to, y - top));
    }
  }
  for (let y = firstRow; y < endRow; y++) {
    const pixels = ringRow(ring, y - top) - from;
    for (let x = firstColumn; x < endColumn; x++) setPointer(PIXELS, y - top, x - left, pixels + ringColumn(x));
  }
}

/** Normalizes columns `x` to `end` of a row of pixels. */
function normalizeColumns(pixels: usize, row: usize, x: i32, end: i32, to: usize): void {
  while (x < end) {
    const count = min(end - x, RING_COLUMNS - x % RING_COLUMNS);
    normalizeSilu(pixels + <usize> x * row, to + ringColumn(x), count, row, RING_PIXEL);
    x += count;
  }
}

@inline
function ringRow(ring: usize, row: i32): usize {
  return ring + <usize> (row * RING_COLUMNS * RING_PIXEL);
}

@inline
function ringColumn(x: i32): usize {
  return <usize> (x % RING_COLUMNS * RING_PIXEL);
}

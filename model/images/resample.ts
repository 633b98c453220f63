/**
 * Lanczos resampling of bytes, equal to PIL's `Image.resize(size, LANCZOS)`.
 *
 * @module
 */

/** RGB bytes, row by row: `height × width × 3` of them. */
export interface RgbRaster {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** The bytes. */
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** What one output position takes: weights for the source positions from `first` on, scaled by 2^22. */
interface Taps {
  readonly first: number;
  readonly weights: Int32Array;
}

const LOBES = 3;

/** 32 bits, less 8 for the pixel and 2 for sums beyond it. */
const FRACTION_BITS = 22;
const HALF = 1 << (FRACTION_BITS - 1);

/**
 * Resizes to `width` × `height` (whole numbers ≥ 1): horizontally first, rounded to bytes, then vertically.
 * A direction whose size stays is left alone; if both stay the same raster is returned.
 */
export function lanczosResize(source: RgbRaster, width: number, height: number): RgbRaster {
  const wide = width === source.width ? source : resizeWidth(source, width);
  return height === source.height ? wide : resizeHeight(wide, height);
}

function resizeWidth({ width: widthIn, height, data }: RgbRaster, width: number): RgbRaster {
  const taps = lanczosTaps(widthIn, width);
  const out = new Uint8ClampedArray(3 * height * width);
  for (let y = 0; y < height; y++) {
    resizeRow(data.subarray(3 * y * widthIn, 3 * (y + 1) * widthIn), taps, out.subarray(3 * y * width));
  }
  return { width, height, data: out };
}

/** A function of its own because V8 optimizes short calls better than one long loop: it halves the time. */
function resizeRow(row: Uint8ClampedArray, taps: Taps[], out: Uint8ClampedArray): void {
  let to = 0;
  for (const { first, weights } of taps) {
    let r = HALF;
    let g = HALF;
    let b = HALF;
    for (let i = 0, from = 3 * first; i < weights.length; i++, from += 3) {
      const weight = weights[i];
      r += Math.imul(weight, row[from]);
      g += Math.imul(weight, row[from + 1]);
      b += Math.imul(weight, row[from + 2]);
    }
    out[to++] = r >> FRACTION_BITS;
    out[to++] = g >> FRACTION_BITS;
    out[to++] = b >> FRACTION_BITS;
  }
}

function resizeHeight({ width, height: heightIn, data }: RgbRaster, height: number): RgbRaster {
  const rowBytes = 3 * width;
  const out = new Uint8ClampedArray(height * rowBytes);
  const sums = new Int32Array(rowBytes);
  lanczosTaps(heightIn, height).forEach(({ first, weights }, y) => {
    sums.fill(HALF);
    weights.forEach((weight, i) => addRow(sums, weight, data.subarray((first + i) * rowBytes)));
    for (let x = 0; x < rowBytes; x++) out[y * rowBytes + x] = sums[x] >> FRACTION_BITS;
  });
  return { width, height, data: out };
}

function addRow(sums: Int32Array, weight: number, row: Uint8ClampedArray): void {
  for (let x = 0; x < sums.length; x++) sums[x] += Math.imul(weight, row[x]);
}

/** The taps of each output position. Only shrinking widens the kernel. */
function lanczosTaps(sizeIn: number, sizeOut: number): Taps[] {
  const ratio = sizeIn / sizeOut;
  const stretch = Math.max(ratio, 1);
  const support = LOBES * stretch;
  return Array.from({ length: sizeOut }, (_, position) => {
    const centre = (position + 0.5) * ratio;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const stop = Math.min(Math.trunc(centre + support + 0.5), sizeIn);
    const weights = Array.from({ length: stop - first }, (_, i) => lanczos((first + i - centre + 0.5) * (1 / stretch)));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: Int32Array.from(weights, (weight) => fixed(weight / total)) };
  });
}

/** In units of 2^-22, halves away from zero. */
function fixed(weight: number): number {
  const scaled = weight * (1 << FRACTION_BITS);
  return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

function lanczos(x: number): number {
  return -LOBES <= x && x < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

// Group normalization with given center, scale and shift of each channel, an optional modulation, and an activation.
import { Act } from "../../abi";
import { NormApplyFields } from "../job_fields";
import { LINE } from "../memory/cache_lines";
import { startOf } from "../memory/partition";
import { activate } from "../simd/activation";
import { copyCoefficients } from "../simd/coefficients";
import { normalizeSilu } from "../simd/exponential";
import { madd, sub } from "../simd/simd";

/** Normalizes and activates a range of pixels. Each activation is a function of its own, so that V8 compiles only those used. */
export function normApply(f: NormApplyFields, block: i32): void {
  if (f.modulationScale) {
    switch (f.act) {
      case Act.Silu:
        return siluModulated(f, block);
      case Act.Mish:
        return mishModulated(f, block);
      case Act.Gelu:
        return geluModulated(f, block);
      case Act.Relu:
        return reluModulated(f, block);
      default:
        return noneModulated(f, block);
    }
  }
  switch (f.act) {
    case Act.Silu:
      return silu(f, block);
    case Act.Mish:
      return mish(f, block);
    case Act.Gelu:
      return gelu(f, block);
    case Act.Relu:
      return relu(f, block);
    default:
      return none(f, block);
  }
}

function silu(f: NormApplyFields, block: i32): void {
  const row = <usize> f.stored << 2, lines = row / LINE * LINE;
  if (lines) siluLines(f, block, lines);
  if (lines < row) applyTo(f, block, Act.Silu, false, lines);
}

/** Pixels per pass over the lines: few, so that memory is read in order. */
const PIXELS: i32 = 4;

/** The first `bytes` of each pixel, by a kernel for whole cache lines. */
function siluLines(f: NormApplyFields, block: i32, bytes: usize): void {
  const pixels = f.height * f.width;
  const row = <usize> f.stored << 2;
  const end = rangeStart(f, block + 1);
  for (let pixel = rangeStart(f, block), count = 0; pixel < end; pixel += count) {
    const image = pixel / pixels;
    count = min(PIXELS, min(end, (image + 1) * pixels) - pixel);
    const coefficients = f.coefficients + <usize> image * 3 * row, first = <usize> pixel * row;
    for (let c: usize = 0; c < bytes; c += LINE) {
      copyCoefficients(coefficients + c, row);
      normalizeSilu(f.x + first + c, f.y + first + c, count, row, row);
    }
  }
}

function siluModulated(f: NormApplyFields, block: i32): void {
  applyTo(f, block, Act.Silu, true);
}

function mish(f: NormApplyFields, block: i32): void {
  applyTo(f, block, Act.Mish, false);
}

function mishModulated(f: NormApplyFields, block: i32): void {
  applyTo(f, block, Act.Mish, true);
}

function gelu(f: NormApplyFields, block: i32): void {
  applyTo(f, block, Act.Gelu, false);
}

function geluModulated(f: NormApplyFields, block: i32): void {
  applyTo(f, block, Act.Gelu, true);
}

function relu(f: NormApplyFields, block: i32): void {
  applyTo(f, block, Act.Relu, false);
}

function reluModulated(f: NormApplyFields, block: i32): void {
  applyTo(f, block, Act.Relu, true);
}

function none(f: NormApplyFields, block: i32): void {
  applyTo(f, block, Act.None, false);
}

function noneModulated(f: NormApplyFields, block: i32): void {
  applyTo(f, block, Act.None, true);
}

@inline
function applyTo(f: NormApplyFields, block: i32, act: Act, modulated: bool, from: usize = 0): void {
  const pixels = f.height * f.width;
  const row = <usize> f.stored << 2;
  const end = rangeStart(f, block + 1);
  let scales: usize = 0, shifts: usize = 0;
  for (let pixel = rangeStart(f, block); pixel < end; pixel++) {
    const coefficients = f.coefficients + <usize> (pixel / pixels) * 3 * row;
    const x = f.x + <usize> pixel * row, y = f.y + <usize> pixel * row;
    if (modulated) {
      const offset = <usize> modulationPixel(f, pixel) * row;
      scales = f.modulationScale + offset;
      shifts = f.modulationShift + offset;
    }
    for (let c = from; c < row; c += 16) {
      const k = coefficients + c;
      let value = madd(sub(v128.load(x + c), v128.load(k)), v128.load(k + row), v128.load(k + 2 * row));
      if (modulated) value = madd(value, v128.load(scales + c), v128.load(shifts + c));
      v128.store(y + c, activate(value, act));
    }
  }
}

function rangeStart(f: NormApplyFields, block: i32): i32 {
  return startOf(block, f.blocks, f.images * f.height * f.width);
}

/** The pixel of the modulation maps nearest to `pixel`. */
function modulationPixel(f: NormApplyFields, pixel: i32): i32 {
  const pixels = f.height * f.width;
  const image = pixel / pixels;
  const row = pixel % pixels / f.width + f.firstRow, column = pixel % f.width;
  // Divides first: maps are smaller by an integer factor, and products of two sides may exceed 32 bits.
  const y = row / (f.imageHeight / f.modulationHeight) - f.modulationFirst;
  const x = column / (f.width / f.modulationWidth);
  return (image * f.modulationHeight + y) * f.modulationWidth + x;
}

// Rows of PNG files, from filtered bytes to opaque pixels of four bytes. All functions read and write whole vectors: up to
// 15 bytes past the end, and past a row into the next one, which is written later.

const OPAQUE: i32 = 0xff000000;

/** The Paeth predictor, on 16-bit lanes. */
@inline
function paeth(left: v128, up: v128, corner: v128): v128 {
  const alongUp = i16x8.sub(up, corner), alongLeft = i16x8.sub(left, corner);
  const toLeft = i16x8.abs(alongUp), toUp = i16x8.abs(alongLeft), toCorner = i16x8.abs(i16x8.add(alongUp, alongLeft));
  const least = i16x8.min_s(toLeft, i16x8.min_s(toUp, toCorner));
  return v128.bitselect(left, v128.bitselect(up, corner, i16x8.eq(least, toUp)), i16x8.eq(least, toLeft));
}

/** Means of unsigned bytes, rounded down. */
@inline
function mean(a: v128, b: v128): v128 {
  return i8x16.sub(i8x16.avgr_u(a, b), v128.and(v128.xor(a, b), i8x16.splat(1)));
}

/**
 * Undoes the filters of rows of `rowBytes` bytes, each after its filter byte. The row above the first one is right
 * before `out`. Stops at the first row with an unknown filter, and returns the number of rows before it.
 */
export function unfilterRows(source: usize, out: usize, rows: i32, rowBytes: usize, pixelBytes: usize): i32 {
  for (let y = 0; y < rows; y++, source += 1 + rowBytes, out += rowBytes) {
    const filter = load<u8>(source);
    const from = source + 1, above = out - rowBytes;
    let left = i32x4.splat(0), corner = i32x4.splat(0);
    switch (filter) {
      case 0: {
        memory.copy(out, from, rowBytes);
        break;
      }
      case 1: {
        for (let x: usize = 0; x < rowBytes; x += pixelBytes) {
          left = i8x16.add(v128.load64_zero(from + x), left);
          v128.store64_lane(out + x, left, 0);
        }
        break;
      }
      case 2: {
        for (let x: usize = 0; x < rowBytes; x += 16) {
          v128.store(out + x, i8x16.add(v128.load(from + x), v128.load(above + x)));
        }
        break;
      }
      case 3: {
        for (let x: usize = 0; x < rowBytes; x += pixelBytes) {
          left = i8x16.add(v128.load64_zero(from + x), mean(left, v128.load64_zero(above + x)));
          v128.store64_lane(out + x, left, 0);
        }
        break;
      }
      case 4: {
        for (let x: usize = 0; x < rowBytes; x += pixelBytes) {
          const up = v128.load8x8_u(above + x);
          const sum = i16x8.add(v128.load8x8_u(from + x), paeth(left, up, corner));
          left = v128.and(sum, i16x8.splat(255));
          v128.store64_lane(out + x, i8x16.narrow_i16x8_u(left, left), 0);
          corner = up;
        }
        break;
      }
      default:
        return y;
    }
  }
  return rows;
}

/** Looks up rows of samples of up to 8 bits in a table of 256 pixels. */
export function lookUpPixels(
  source: usize,
  out: usize,
  rows: i32,
  rowBytes: usize,
  columns: i32,
  depth: i32,
  table: usize,
): void {
  const mask = (1 << depth) - 1;
  for (; rows > 0; rows--, source += rowBytes) {
    for (let x = 0, bit = 0; x < columns; x++, bit += depth, out += 4) {
      const sample = <i32> load<u8>(source + (bit >> 3)) >> (8 - depth - (bit & 7)) & mask;
      store<u32>(out, load<u32>(table + (<usize> sample << 2)));
    }
  }
}

// The functions below take all rows at once: samples of whole bytes leave no gaps between rows.

/** Makes pixels of 16-bit gray samples like PIL: everything above 255 is white. */
export function clipGrayPixels(source: usize, out: usize, pixels: i32): void {
  const toNumbers = i8x16(1, 0, -1, -1, 3, 2, -1, -1, 5, 4, -1, -1, 7, 6, -1, -1);
  for (; pixels > 0; pixels -= 4, source += 8, out += 16) {
    const gray = i32x4.min_u(i8x16.swizzle(v128.load64_zero(source), toNumbers), i32x4.splat(255));
    v128.store(out, v128.or(i32x4.mul(gray, i32x4.splat(0x010101)), i32x4.splat(OPAQUE)));
  }
}

/** Makes pixels of three of their `pixelBytes` (2 to 8) bytes: the first, and those at offsets `green` and `blue`. */
export function copyPixels(source: usize, out: usize, pixels: i32, pixelBytes: usize, green: i32, blue: i32): void {
  const triplet = green << 8 | blue << 16;
  const step = <i32> pixelBytes * 0x010101;
  const places = i32x4.add(i32x4.splat(triplet), i32x4.mul(i32x4(0, 1, 0, 1), i32x4.splat(step)));
  for (; pixels > 0; pixels -= 2, source += pixelBytes << 1, out += 8) {
    const two = i8x16.swizzle(v128.load(source), places);
    v128.store64_lane(out, v128.or(two, i32x4.splat(OPAQUE)), 0);
  }
}

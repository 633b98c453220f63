// Between pixels of four bytes and floats of three channels or one, stored as four. Which byte stands for which number, and
// how numbers are rounded, is what ../../pixels.ts says, to the last bit.
import { startOf } from "./cut";
import { add, mul, splat, sub } from "./simd";

// @ts-ignore: decorator
@unmanaged
export class PixelsFields {
  bytes: usize;
  floats: usize;
  pixels: i32;
  /** 1 if there is one channel. */
  gray: i32;
  /** 1 if bytes stand for -1 to 1, 0 if for 0 to 1. */
  signed: i32;
  /** Blocks are ranges of pixels. */
  blocks: i32;
}

/** Pixels to floats, front to back: the bytes may lie at the end of where the floats go, if this is one block. */
export function unpackPixels(f: PixelsFields, block: i32): void {
  const channels = f.gray ? i32x4(-1, 0, 0, 0) : i32x4(-1, -1, -1, 0);
  const end = startOf(block + 1, f.blocks, f.pixels);
  for (let i = startOf(block, f.blocks, f.pixels); i < end; i++) {
    const words = i16x8.extend_low_i8x16_u(v128.load32_zero(f.bytes + (<usize>i << 2)));
    let value = f32x4.div(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(words)), splat(255));
    if (f.signed) value = sub(add(value, value), splat(1));
    v128.store(f.floats + (<usize>i << 4), v128.and(value, channels));
  }
}

/** The pixels nearest to floats. */
export function packPixels(f: PixelsFields, block: i32): void {
  const end = startOf(block + 1, f.blocks, f.pixels);
  for (let i = startOf(block, f.blocks, f.pixels); i < end; i++) {
    let value = v128.load(f.floats + (<usize>i << 4));
    if (f.gray) value = v128.shuffle<i32>(value, value, 0, 0, 0, 0);
    if (f.signed) value = add(mul(value, splat(0.5)), splat(0.5));
    // Each step clamps; what is no number becomes 0.
    const whole = i32x4.trunc_sat_f32x4_s(f32x4.nearest(mul(value, splat(255))));
    const words = i16x8.narrow_i32x4_s(whole, whole);
    const bytes = i8x16.replace_lane(i8x16.narrow_i16x8_u(words, words), 3, -1);
    v128.store_lane<i32>(f.bytes + (<usize>i << 2), bytes, 0);
  }
}

// Conversion between pixels of four bytes and floats of three channels or one, stored as four. Range and rounding are those
// of kernels/tensor/pixels.ts, bit for bit. The host calls these while threads may compute: they touch only their operands.
import { add, mul, splat, sub } from "../simd/simd";

/** Pixels to floats in -1 to 1 if `isSigned`, else 0 to 1. Front to back: the bytes may lie at the end of the floats. */
export function unpackPixels(bytes: usize, floats: usize, pixels: i32, isGray: bool, isSigned: bool): void {
  const channels = isGray ? i32x4(-1, 0, 0, 0) : i32x4(-1, -1, -1, 0);
  for (; pixels > 0; pixels--, bytes += 4, floats += 16) {
    const words = i16x8.extend_low_i8x16_u(v128.load32_zero(bytes));
    let value = f32x4.div(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(words)), splat(255));
    if (isSigned) value = sub(add(value, value), splat(1));
    v128.store(floats, v128.and(value, channels));
  }
}

/** The pixels nearest to floats. */
export function packPixels(bytes: usize, floats: usize, pixels: i32, isGray: bool, isSigned: bool): void {
  for (; pixels > 0; pixels--, bytes += 4, floats += 16) {
    let value = v128.load(floats);
    if (isGray) value = v128.shuffle<i32>(value, value, 0, 0, 0, 0);
    if (isSigned) value = add(mul(value, splat(0.5)), splat(0.5));
    // Each step clamps; NaN becomes 0.
    const whole = i32x4.trunc_sat_f32x4_s(f32x4.nearest(mul(value, splat(255))));
    const words = i16x8.narrow_i32x4_s(whole, whole);
    const opaque = i8x16.replace_lane(i8x16.narrow_i16x8_u(words, words), 3, -1);
    v128.store_lane<i32>(bytes, opaque, 0);
  }
}

// factor * mean((x - code)^2): sums of chunks in float64, then their sum. Padding is zero in both and adds nothing.
import { SquaredErrorFields } from "../job_fields";

export function squaredError(f: SquaredErrorFields, block: i32): void {
  const end = <usize> min(f.vectors, (block + 1) * f.chunk) << 4;
  let sum = f64x2.splat(0);
  for (let i = <usize> (block * f.chunk) << 4; i < end; i += 16) {
    const d = f32x4.sub(v128.load(f.x + i), v128.load(f.code + i));
    const low = f64x2.promote_low_f32x4(d);
    const high = f64x2.promote_low_f32x4(v128.shuffle<i32>(d, d, 2, 3, 2, 3));
    sum = f64x2.add(sum, f64x2.add(f64x2.mul(low, low), f64x2.mul(high, high)));
  }
  store<f64>(f.sums + (<usize> block << 3), f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1));
}

export function squaredErrorFold(f: SquaredErrorFields): void {
  let sum: f64 = 0;
  for (let i = 0; i < f.chunks; i++) sum += load<f64>(f.sums + (<usize> i << 3));
  store<f32>(f.y, <f32> (<f64> f.factor * sum / <f64> f.values));
}

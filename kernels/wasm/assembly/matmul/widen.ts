// Converts weights to float32.
import { Element } from "../../abi";
import { WidenFields } from "../job_fields";
import { startOf } from "../memory/partition";
import { mul, splat } from "../simd/simd";

/** A range of vectors of four values. Reads and writes whole vectors. */
export function widen(f: WidenFields, block: i32): void {
  const end = startOf(block + 1, f.blocks, f.vectors);
  for (let i = startOf(block, f.blocks, f.vectors); i < end; i++) {
    const to = f.to + (<usize> i << 4);
    if (f.element == Element.F64) v128.store(to, fromDoubles(f.from + (<usize> i << 5)));
    else if (f.element == Element.F16) v128.store(to, fromHalves(f.from + (<usize> i << 3)));
    else v128.store(to, i32x4.shl(v128.load16x4_u(f.from + (<usize> i << 3)), 16)); // bfloat16 is the upper half of float32
  }
}

@inline
function fromDoubles(p: usize): v128 {
  const low = f32x4.demote_f64x2_zero(v128.load(p)), high = f32x4.demote_f64x2_zero(v128.load(p, 16));
  return v128.shuffle<i64>(low, high, 0, 2);
}

/** Exponent and fraction move to where float32 has them; the product then corrects the exponent, also of subnormal numbers. */
@inline
function fromHalves(p: usize): v128 {
  const bits = v128.load16x4_u(p), magnitude = v128.and(bits, i32x4.splat(0x7fff));
  const finite = mul(i32x4.shl(magnitude, 13), splat(<f32> 5.192296858534828e33)); // 2^112
  const special = v128.and(i32x4.gt_s(magnitude, i32x4.splat(0x7bff)), i32x4.splat(0x7f800000)); // infinities and NaN
  const sign = i32x4.shl(v128.xor(bits, magnitude), 16);
  return v128.or(v128.or(finite, special), sign);
}

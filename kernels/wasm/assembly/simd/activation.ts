// The activations, four values at a time.
import { Act } from "../../abi";
import { exp } from "./exponential";
import { add, C, K, madd, minimum, mul, sub } from "./simd";

@inline
function silu(x: v128): v128 {
  return f32x4.div(x, add(K(C.One), exp(f32x4.neg(x))));
}

/** x * tanh(log(1 + e^x)) = x * n / (n + 2) with n = e^x * (e^x + 2). */
@inline
function mish(x: v128): v128 {
  const e = exp(minimum(x, K(C.Thirty)));
  const n = mul(e, add(e, K(C.Two)));
  return mul(x, f32x4.div(n, add(n, K(C.Two))));
}

/** x * Phi(x); erfc by Abramowitz & Stegun 7.1.26, whose error is 1.5e-7. */
@inline
function gelu(x: v128): v128 {
  const z = f32x4.abs(mul(x, K(C.RootHalf)));
  const t = f32x4.div(K(C.One), madd(z, K(C.ErfP), K(C.One)));
  let p = madd(t, K(C.ErfA5), K(C.ErfA4));
  p = madd(p, t, K(C.ErfA3));
  p = madd(p, t, K(C.ErfA2));
  p = madd(p, t, K(C.ErfA1));
  const erfc = mul(mul(p, t), exp(f32x4.neg(mul(z, z))));
  const tail = mul(mul(minimum(x, K(C.Thirty)), K(C.Half)), erfc); // infinity times 0 is NaN
  return v128.bitselect(sub(x, tail), tail, f32x4.ge(x, i32x4.splat(0)));
}

/** The activation `act`, a compile-time constant. */
@inline
export function activate(x: v128, act: Act): v128 {
  if (act == Act.Silu) return silu(x);
  if (act == Act.Mish) return mish(x);
  if (act == Act.Gelu) return gelu(x);
  if (act == Act.Relu) return f32x4.max(x, i32x4.splat(0));
  return x;
}

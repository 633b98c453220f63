// The activations, four values at a time.
import { Act } from "../shared";
import { add, C, K, madd, maximum, minimum, mul, nmadd, sub } from "./simd";

/** e^x to 1e-7, for x clamped to [-87, 88]: the polynomial of Cephes' expf. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  x = maximum(minimum(x, K(C.Highest)), K(C.Lowest));
  const shifted = madd(x, K(C.Log2e), K(C.Magic));
  const n = sub(shifted, K(C.Magic));
  const r = nmadd(n, K(C.Ln2Low), nmadd(n, K(C.Ln2High), x));
  let p = madd(r, K(C.P0), K(C.P1));
  p = madd(p, r, K(C.P2));
  p = madd(p, r, K(C.P3));
  p = madd(p, r, K(C.P4));
  p = madd(p, r, K(C.Half));
  p = add(madd(p, mul(r, r), r), K(C.One));
  return mul(p, i32x4.shl(shifted, 23));
}

// @ts-ignore: decorator
@inline
function silu(x: v128): v128 {
  return f32x4.div(x, add(K(C.One), exp(f32x4.neg(x))));
}

/** x * tanh(log(1 + e^x)) = x * n / (n + 2) with n = e^x * (e^x + 2). */
// @ts-ignore: decorator
@inline
function mish(x: v128): v128 {
  const e = exp(minimum(x, K(C.Thirty)));
  const n = mul(e, add(e, K(C.Two)));
  return mul(x, f32x4.div(n, add(n, K(C.Two))));
}

/** x * Phi(x); erfc by Abramowitz & Stegun 7.1.26, whose error is 1.5e-7. */
// @ts-ignore: decorator
@inline
function gelu(x: v128): v128 {
  const z = f32x4.abs(mul(x, K(C.RootHalf)));
  const t = f32x4.div(K(C.One), madd(z, K(C.ErfP), K(C.One)));
  let p = madd(t, K(C.ErfA5), K(C.ErfA4));
  p = madd(p, t, K(C.ErfA3));
  p = madd(p, t, K(C.ErfA2));
  p = madd(p, t, K(C.ErfA1));
  const erfc = mul(mul(p, t), exp(f32x4.neg(mul(z, z))));
  const tail = mul(mul(x, K(C.Half)), erfc);
  return v128.bitselect(sub(x, tail), tail, f32x4.ge(x, i32x4.splat(0)));
}

/** The activation `act`, a compile-time constant. */
// @ts-ignore: decorator
@inline
export function activate(x: v128, act: Act): v128 {
  if (act == Act.Silu) return silu(x);
  if (act == Act.Mish) return mish(x);
  if (act == Act.Gelu) return gelu(x);
  if (act == Act.Relu) return f32x4.max(x, i32x4.splat(0));
  return x;
}

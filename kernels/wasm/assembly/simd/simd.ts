// Short names for the vector operations, and the constants they use.
import { CONSTANTS } from "../memory/area";

@inline
export function add(a: v128, b: v128): v128 {
  return f32x4.add(a, b);
}

@inline
export function sub(a: v128, b: v128): v128 {
  return f32x4.sub(a, b);
}

@inline
export function mul(a: v128, b: v128): v128 {
  return f32x4.mul(a, b);
}

/** a * b + c, fused where the engine has relaxed SIMD. */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** c - a * b. */
@inline
export function nmadd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
  return f32x4.sub(c, f32x4.mul(a, b));
}

// The strict minimum and maximum take several instructions on x86. These return `a` where it is NaN.
@inline
export function minimum(a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_min(b, a);
  return f32x4.pmin(a, b);
}

@inline
export function maximum(a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_max(b, a);
  return f32x4.pmax(a, b);
}

@inline
export function splat(x: f32): v128 {
  return f32x4.splat(x);
}

/** Sum of the four lanes. */
@inline
export function lanes(v: v128): f64 {
  return <f64> f32x4.extract_lane(v, 0) + <f64> f32x4.extract_lane(v, 1) +
    (<f64> f32x4.extract_lane(v, 2) + <f64> f32x4.extract_lane(v, 3));
}

/** Constants that vector code multiplies by. */
export const enum C {
  One,
  Two,
  Four,
  Five,
  Eight,
  // exp
  Highest,
  Lowest,
  Log2e,
  Magic,
  Ln2High,
  Ln2Low,
  P0,
  P1,
  P2,
  P3,
  P4,
  Half,
  // gelu
  RootHalf,
  ErfP,
  ErfA1,
  ErfA2,
  ErfA3,
  ErfA4,
  ErfA5,
  // mish
  Thirty,
  // Winograd's transforms
  Ninetieth,
  FortyFifth,
  TwoFortyFifths,
  EightFortyFifths,
  SixteenFortyFifths,
  ThirtyTwoFortyFifths,
  ThirtySixth,
  ThirtySecond,
  Sixteenth,
  Eighth,
  Sixth,
  TwoNinths,
  Quarter,
  Third,
  FiveQuarters,
  ThreeHalves,
  FiveHalves,
  SeventeenQuarters,
  TwentyOneQuarters,
  Six,
  FifteenHalves,
  Sixteen,
  TwentyFour,
  ThirtyTwo,
}

/** A constant in all lanes. V8 rebuilds f32x4.splat(constant) at every use in three instructions; this is one load. */
@inline
export function K(i: C): v128 {
  return v128.load32_splat(CONSTANTS + (<usize> i << 2));
}

@inline
function set(i: C, value: f32): void {
  store<f32>(CONSTANTS + (<usize> i << 2), value);
}

/** Writes this thread's constants. Call it once. */
export function initialize(): void {
  set(C.One, 1);
  set(C.Two, 2);
  set(C.Four, 4);
  set(C.Five, 5);
  set(C.Eight, 8);
  set(C.Highest, 88);
  set(C.Lowest, -87);
  set(C.Log2e, 1.44269504);
  set(C.Magic, 12583039); // 1.5 * 2^23 + 127: adding it rounds, and leaves the biased exponent in the low bits
  set(C.Ln2High, 0.693359375);
  set(C.Ln2Low, -2.12194440e-4);
  set(C.P0, 1.9875691500e-4);
  set(C.P1, 1.3981999507e-3);
  set(C.P2, 8.3334519073e-3);
  set(C.P3, 4.1665795894e-2);
  set(C.P4, 1.6666665459e-1);
  set(C.Half, 0.5);
  set(C.RootHalf, 0.70710678);
  set(C.ErfP, 0.3275911);
  set(C.ErfA1, 0.254829592);
  set(C.ErfA2, -0.284496736);
  set(C.ErfA3, 1.421413741);
  set(C.ErfA4, -1.453152027);
  set(C.ErfA5, 1.061405429);
  set(C.Thirty, 30);
  set(C.Ninetieth, 1 / 90);
  set(C.FortyFifth, 1 / 45);
  set(C.TwoFortyFifths, 2 / 45);
  set(C.EightFortyFifths, 8 / 45);
  set(C.SixteenFortyFifths, 16 / 45);
  set(C.ThirtyTwoFortyFifths, 32 / 45);
  set(C.ThirtySixth, 1 / 36);
  set(C.ThirtySecond, 0.03125);
  set(C.Sixteenth, 0.0625);
  set(C.Eighth, 0.125);
  set(C.Sixth, 1 / 6);
  set(C.TwoNinths, 2 / 9);
  set(C.Quarter, 0.25);
  set(C.Third, 1 / 3);
  set(C.FiveQuarters, 1.25);
  set(C.ThreeHalves, 1.5);
  set(C.FiveHalves, 2.5);
  set(C.SeventeenQuarters, 4.25);
  set(C.TwentyOneQuarters, 5.25);
  set(C.Six, 6);
  set(C.FifteenHalves, 7.5);
  set(C.Sixteen, 16);
  set(C.TwentyFour, 24);
  set(C.ThirtyTwo, 32);
}

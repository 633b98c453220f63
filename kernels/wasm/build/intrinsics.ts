/**
 * Vector operations as text, for generated code. Not the inlined functions of simd.ts: their ends would keep V8 from merging
 * two operations on adjacent vectors into one on 256 bits.
 *
 * @module
 */

/** Operations that are one instruction where the engine has relaxed SIMD. */
export interface Intrinsics {
  /** a * b + c. */
  madd(a: string, b: string, c: string): string;
  /** c - a * b. */
  nmadd(a: string, b: string, c: string): string;
  /** The lower one, `a` where it is NaN. */
  minimum(a: string, b: string): string;
  /** The higher one, `a` where it is NaN. */
  maximum(a: string, b: string): string;
}

const RELAXED: Intrinsics = {
  madd: (a, b, c) => `f32x4.relaxed_madd(${a}, ${b}, ${c})`,
  nmadd: (a, b, c) => `f32x4.relaxed_nmadd(${a}, ${b}, ${c})`,
  minimum: (a, b) => `f32x4.relaxed_min(${b}, ${a})`,
  maximum: (a, b) => `f32x4.relaxed_max(${b}, ${a})`,
};

const STRICT: Intrinsics = {
  madd: (a, b, c) => `f32x4.add(f32x4.mul(${a}, ${b}), ${c})`,
  nmadd: (a, b, c) => `f32x4.sub(${c}, f32x4.mul(${a}, ${b}))`,
  minimum: (a, b) => `f32x4.pmin(${a}, ${b})`,
  maximum: (a, b) => `f32x4.pmax(${a}, ${b})`,
};

/** The operations of a module with or without relaxed SIMD. */
export function intrinsics(relaxed: boolean): Intrinsics {
  return relaxed ? RELAXED : STRICT;
}

/** A constant, by its name in `C` of simd.ts, in all lanes. */
export function constant(name: string): string {
  return `v128.load32_splat(CONSTANTS + (<usize> C.${name} << 2))`;
}

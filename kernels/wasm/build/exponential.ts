/**
 * AssemblyScript of e^x, and of normalization with SiLU, which uses it. Part of the build, not of the engine.
 *
 * V8 loads a constant at each use, and e^x has fifteen. So the normalization computes four vectors in lockstep, and loads
 * each constant once for all of them.
 *
 * @module
 */

/** Statements that replace each of the variables `names` by its exponential, with the polynomial of Cephes' expf. */
function exponential(names: readonly string[]): string {
  const each = (statement: (x: string) => string) => names.map(statement).join(" ");
  return `
    const highest = K(C.Highest); ${each((x) => `${x} = minimum(${x}, highest);`)}
    const lowest = K(C.Lowest); ${each((x) => `${x} = maximum(${x}, lowest);`)}
    const log2e = K(C.Log2e), magic = K(C.Magic); ${each((x) => `const ${x}Shifted = madd(${x}, log2e, magic);`)}
    ${each((x) => `const ${x}Whole = sub(${x}Shifted, magic);`)}
    const ln2High = K(C.Ln2High); ${each((x) => `${x} = nmadd(${x}Whole, ln2High, ${x});`)}
    const ln2Low = K(C.Ln2Low); ${each((x) => `${x} = nmadd(${x}Whole, ln2Low, ${x});`)}
    const p0 = K(C.P0), p1 = K(C.P1); ${each((x) => `let ${x}P = madd(${x}, p0, p1);`)}
    const p2 = K(C.P2); ${each((x) => `${x}P = madd(${x}P, ${x}, p2);`)}
    const p3 = K(C.P3); ${each((x) => `${x}P = madd(${x}P, ${x}, p3);`)}
    const p4 = K(C.P4); ${each((x) => `${x}P = madd(${x}P, ${x}, p4);`)}
    const half = K(C.Half); ${each((x) => `${x}P = madd(${x}P, ${x}, half);`)}
    const one = K(C.One); ${each((x) => `${x}P = add(madd(${x}P, mul(${x}, ${x}), ${x}), one);`)}
    ${each((x) => `${x} = mul(${x}P, i32x4.shl(${x}Shifted, 23));`)}`;
}

/** The vectors of a cache line. */
const VECTORS = [0, 1, 2, 3];

function each(statement: (i: number) => string): string {
  return VECTORS.map(statement).join(" ");
}

/** The module of e^x and what uses it. */
export const EXPONENTIAL = `
import { scratch } from "../memory/area";
import { add, C, K, madd, maximum, minimum, mul, nmadd, sub } from "./simd";

/** e^x to 1e-7, for x clamped to [-87, 88]. */
@inline
export function exp(x: v128): v128 {${exponential(["x"])}
  return x;
}

/**
 * Normalizes 16 channels of some pixels, a row of bytes apart, and takes their SiLU. Scratch memory holds center, scale and
 * shift of these channels.
 */
export function normalizeSilu(x: usize, y: usize, pixels: i32, row: usize): void {
  for (; pixels > 0; pixels--, x += row, y += row) {
    ${each((i) => `const d${i} = sub(v128.load(x, ${16 * i}), scratch(${i}));`)}
    ${each((i) => `const v${i} = madd(d${i}, scratch(${4 + i}), scratch(${8 + i}));`)}
    ${each((i) => `let e${i} = f32x4.neg(v${i});`)}
    ${exponential(VECTORS.map((i) => `e${i}`))}
    ${each((i) => `v128.store(y, f32x4.div(v${i}, add(one, e${i})), ${16 * i});`)}
  }
}`;

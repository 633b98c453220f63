/**
 * AssemblyScript of e^x, and of normalization with SiLU, which uses it. Part of the build, not of the engine.
 *
 * V8 loads a constant at each use, and e^x has fifteen. So the normalization computes four vectors in lockstep, and loads
 * each constant once for all of them.
 *
 * @module
 */

import { constant, intrinsics } from "./intrinsics.ts";

/** Statements that replace each of the variables `names` by its exponential, with the polynomial of Cephes' expf. */
function exponential(names: readonly string[], relaxed: boolean): string {
  const { madd, nmadd, minimum, maximum } = intrinsics(relaxed);
  const each = (statement: (x: string) => string) => names.map(statement).join(" ");
  const load = (name: string, constantName: string) => `const ${name} = ${constant(constantName)};`;
  const step = (factor: string) => each((x) => `${x}P = ${madd(`${x}P`, x, factor)};`);
  return `
    ${load("highest", "Highest")} ${each((x) => `${x} = ${minimum(x, "highest")};`)}
    ${load("lowest", "Lowest")} ${each((x) => `${x} = ${maximum(x, "lowest")};`)}
    ${load("log2e", "Log2e")} ${load("magic", "Magic")}
    ${each((x) => `const ${x}Shifted = ${madd(x, "log2e", "magic")};`)}
    ${each((x) => `const ${x}Whole = f32x4.sub(${x}Shifted, magic);`)}
    ${load("ln2High", "Ln2High")} ${each((x) => `${x} = ${nmadd(`${x}Whole`, "ln2High", x)};`)}
    ${load("ln2Low", "Ln2Low")} ${each((x) => `${x} = ${nmadd(`${x}Whole`, "ln2Low", x)};`)}
    ${load("p0", "P0")} ${load("p1", "P1")} ${each((x) => `let ${x}P = ${madd(x, "p0", "p1")};`)}
    ${load("p2", "P2")} ${step("p2")}
    ${load("p3", "P3")} ${step("p3")}
    ${load("p4", "P4")} ${step("p4")}
    ${load("half", "Half")} ${step("half")}
    ${load("one", "One")}
    ${each((x) => `${x}P = f32x4.add(${madd(`${x}P`, `f32x4.mul(${x}, ${x})`, x)}, one);`)}
    ${each((x) => `${x} = f32x4.mul(${x}P, i32x4.shl(${x}Shifted, 23));`)}`;
}

/** The vectors of a cache line. */
const VECTORS = [0, 1, 2, 3];

function each(statement: (i: number) => string): string {
  return VECTORS.map(statement).join(" ");
}

/**
 * V8 merges vectors on the way to a sum of integers; such sums are computed and dropped. It cannot merge the loads, between
 * which bounds are checked, but joins what a lane was written to: so the first lane is written to itself.
 */
function normalizeSilu(relaxed: boolean): string {
  const { madd } = intrinsics(relaxed);
  const scratch = (i: number) => `v128.load(SCRATCH, ${16 * i})`;
  return `
export function normalizeSilu(x: usize, y: usize, pixels: i32, xRow: usize, yRow: usize): void {
  for (; pixels > 0; pixels--, x += xRow, y += yRow) {
    ${each((i) => `const x${i} = v128.load(x, ${16 * i});`)}
    ${each((i) => `const l${i} = f32x4.replace_lane(x${i}, 0, f32x4.extract_lane(x${i}, 0));`)}
    ${each((i) => `const d${i} = f32x4.sub(l${i}, ${scratch(i)});`)}
    ${each((i) => `const v${i} = ${madd(`d${i}`, scratch(4 + i), scratch(8 + i))};`)}
    ${each((i) => `let e${i} = f32x4.neg(v${i});`)}
    ${exponential(VECTORS.map((i) => `e${i}`), relaxed)}
    ${each((i) => `const y${i} = f32x4.div(v${i}, f32x4.add(one, e${i}));`)}
    i32x4.add(y0, y1); i32x4.add(y2, y3);
    ${each((i) => `v128.store(y, y${i}, ${16 * i});`)}
  }
}`;
}

/** The module of e^x and what uses it. */
export function exponentials(relaxed: boolean): string {
  return `
import { CONSTANTS, SCRATCH } from "../memory/area";
import { C } from "./simd";

/** e^x to 1e-7, for x clamped to [-87, 88]. */
@inline
export function exp(x: v128): v128 {${exponential(["x"], relaxed)}
  return x;
}

/**
 * Normalizes 16 channels of some pixels, \`xRow\` bytes apart, and takes their SiLU. Results are \`yRow\` bytes apart. Scratch
 * memory holds center, scale and shift of these channels.
 */${normalizeSilu(relaxed)}
`;
}

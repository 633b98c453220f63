/**
 * AssemblyScript of Winograd's transforms. Part of the build, not of the engine.
 *
 * Rows and columns are unrolled, because then scratch memory and tables of pointers are at constant addresses.
 *
 * @module
 */

import { type Algorithm, ALGORITHMS, type Formula } from "./winograd_formulas.ts";

/** Names in `C` of simd.ts. */
const CONSTANTS: Readonly<Record<string, string>> = {
  "1/90": "Ninetieth",
  "1/45": "FortyFifth",
  "2/45": "TwoFortyFifths",
  "8/45": "EightFortyFifths",
  "16/45": "SixteenFortyFifths",
  "32/45": "ThirtyTwoFortyFifths",
  "1/36": "ThirtySixth",
  "1/32": "ThirtySecond",
  "1/16": "Sixteenth",
  "1/8": "Eighth",
  "1/6": "Sixth",
  "2/9": "TwoNinths",
  "1/4": "Quarter",
  "1/3": "Third",
  "1/2": "Half",
  "5/4": "FiveQuarters",
  "3/2": "ThreeHalves",
  "2": "Two",
  "5/2": "FiveHalves",
  "4": "Four",
  "17/4": "SeventeenQuarters",
  "5": "Five",
  "21/4": "TwentyOneQuarters",
  "6": "Six",
  "15/2": "FifteenHalves",
  "8": "Eight",
  "16": "Sixteen",
  "24": "TwentyFour",
  "30": "Thirty",
  "32": "ThirtyTwo",
};

/** The value of a formula, as an expression. */
function expression({ terms: [first, ...rest] }: Formula): string {
  const constant = (coefficient: string) => `K(C.${CONSTANTS[coefficient]})`;
  const scaled = first.coefficient === "1" ? first.name : `mul(${first.name}, ${constant(first.coefficient)})`;
  return rest.reduce((sum, { sign, coefficient, name }) => {
    if (coefficient === "1") return `${sign > 0 ? "add" : "sub"}(${sum}, ${name})`;
    return `${sign > 0 ? "madd" : "nmadd"}(${name}, ${constant(coefficient)}, ${sum})`;
  }, first.sign > 0 ? scaled : `f32x4.neg(${scaled})`);
}

/** Statements that compute formulas one after the other, and end each result, named `output` and a number, with `write`. */
function compute(list: readonly Formula[], output: string, write: (i: number, value: string) => string): string {
  return list.map((formula) => {
    const { name } = formula, value = expression(formula);
    return name.startsWith(output) ? write(Number(name.slice(output.length)), value) : `const ${name} = ${value};`;
  }).join(" ");
}

function withoutBias({ name, terms }: Formula): Formula {
  return { name, terms: terms.filter(({ name }) => name !== "b") };
}

/** Statements for 0 to `count - 1`. */
function each(count: number, statement: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => statement(i)).join(" ");
}

/** A block of statements for each of `count` rows or columns. */
function unroll(count: number, statements: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => `    { ${statements(i)} }`).join("\n");
}

/** Channel bytes `from` to `end` of one tile: source pixels to positions. All columns go to scratch, then all rows to V. */
function sourceTile({ name, positions: n, source }: Algorithm): string {
  const column = (j: number) =>
    each(n, (i) => `const d${i} = source(${i}, ${j}, c);`) + " " +
    compute(source, "v", (i, value) => `v128.store(SCRATCH + ${16 * (i * n + j)}, ${value});`);
  const row = (i: number) =>
    each(n, (j) => `const d${j} = scratch(${i * n + j});`) + ` const q = v + ${i * n} * LHS_BYTES; ` +
    compute(source, "v", (j, value) => `v128.store(q + ${j} * LHS_BYTES, ${value});`);
  return `
export function sourceTile${name}(to: usize, from: usize, end: usize): void {
  for (let c = from; c < end; c += 16) {
${unroll(n, column)}
    const v = to + vOffset(c - from, ${n * n});
${unroll(n, row)}
  }
  clearTail(to, end - from, ${n * n});
}
`;
}

/** One tile: products at its positions to pixels of the result. All rows go to scratch, then all columns to the result. */
function resultTile({ name, positions: n, results, result, scale }: Algorithm): string {
  const row = (i: number) =>
    `const q = p + ${i * n} * stride; ` + each(n, (j) => `const m${j} = v128.load(q + ${j} * stride);`) + " " +
    compute(result.map(withoutBias), "y", (j, value) => `v128.store(SCRATCH + ${16 * (i * results + j)}, ${value});`);
  const column = (j: number) =>
    `const b = v128.load(bias + c); ` + each(n, (i) => `const m${i} = scratch(${i * results + j});`) + " " +
    compute(
      result,
      "y",
      (i, value) => `let y${i} = ${scale ? `madd(${value}, K(C.${CONSTANTS[scale]}), b)` : value};`,
    ) +
    " if (residual) { " +
    each(results, (i) => `y${i} = add(y${i}, residue(${i}, ${j}, c));`) + " } " +
    each(results, (i) => `put(${i}, ${j}, y${i}, c);`);
  return `
export function resultTile${name}(products: usize, stride: usize, bytes: usize, bias: usize, residual: bool): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    const p = products + (c >> 5) * PRODUCT_BYTES + (c & 16);
${unroll(n, row)}
${unroll(results, column)}
  }
}
`;
}

/**
 * Nine taps of one input channel and some octets of output channels to positions, which are `stride` bytes apart. All columns
 * go to scratch, then all rows to the panel.
 */
function weightRow({ name, weights }: Algorithm): string {
  const n = weights.filter(({ name }) => name.startsWith("u")).length;
  const column = (j: number) =>
    each(3, (i) => `const g${i} = v128.load(tap(${3 * i + j}) + c);`) + " " +
    compute(weights, "u", (i, value) => `v128.store(SCRATCH + ${16 * (i * 3 + j)}, ${value});`);
  const row = (i: number) =>
    each(3, (j) => `const g${j} = scratch(${i * 3 + j});`) + " " +
    compute(weights, "u", (_, value) => `v128.store(p, ${value}); p += stride;`);
  return `
export function weightRow${name}(to: usize, stride: usize, octets: i32): void {
  for (let c: usize = 0; c < <usize> octets * RHS_BYTES; c += c & 16 ? RHS_BYTES - 16 : 16) {
    let p = to + c;
${unroll(3, column)}
${unroll(n, row)}
  }
}
`;
}

/** The module of transforms. */
export function winogradTransforms(): string {
  return `
import { LHS_BYTES } from "../matmul/lhs_panel";
import { PRODUCT_BYTES } from "../matmul/multiply";
import { RHS_BYTES } from "../matmul/rhs_panel";
import { SCRATCH, scratch } from "../memory/area";
import { add, C, K, madd, mul, nmadd, splat, sub } from "../simd/simd";
import { clearTail, put, residue, source, tap, vOffset } from "./winograd_tile";
` + ALGORITHMS.map((algorithm) => sourceTile(algorithm) + resultTile(algorithm) + weightRow(algorithm)).join("");
}

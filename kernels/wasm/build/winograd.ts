/**
 * AssemblyScript of Winograd's transforms. Part of the build, not of the engine.
 *
 * Rows and columns are unrolled, because then scratch memory and tables of pointers are at constant addresses.
 *
 * @module
 */

import { constant, intrinsics } from "./intrinsics.ts";
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

/** The value of a formula, as an expression. Names of variables end in `half`. */
function expression({ terms: [first, ...rest] }: Formula, relaxed: boolean, half = ""): string {
  const start = first.name + half;
  const scaled = first.coefficient === "1" ? start : `f32x4.mul(${start}, ${coefficientOf(first.coefficient)})`;
  const { madd, nmadd } = intrinsics(relaxed);
  return rest.reduce((sum, { sign, coefficient, name }) => {
    const operation = sign > 0 ? "add" : "sub";
    if (coefficient === "1") return `f32x4.${operation}(${sum}, ${name}${half})`;
    return (sign > 0 ? madd : nmadd)(`${name}${half}`, coefficientOf(coefficient), sum);
  }, first.sign > 0 ? scaled : `f32x4.neg(${scaled})`);
}

/** A coefficient in all lanes. */
function coefficientOf(text: string): string {
  return constant(CONSTANTS[text]);
}

/** Statements that compute formulas one after the other, and end each result, named `output` and a number, with `write`. */
function compute(
  list: readonly Formula[],
  relaxed: boolean,
  output: string,
  write: (i: number, value: string) => string,
): string {
  return list.map((formula) => {
    const { name } = formula, value = expression(formula, relaxed);
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
function sourceTile({ name, positions: n, source }: Algorithm, relaxed: boolean): string {
  const column = (j: number) =>
    each(n, (i) => `const d${i} = source(${i}, ${j}, c);`) + " " +
    compute(source, relaxed, "v", (i, value) => `v128.store(SCRATCH + ${16 * (i * n + j)}, ${value});`);
  const row = (i: number) =>
    each(n, (j) => `const d${j} = scratch(${i * n + j});`) + " " +
    compute(source, relaxed, "v", (j, value) => `const v${j} = ${value};`) + " " +
    each(n, (j) => `v128.store(p, v${j}); p += stride;`);
  return `
export function sourceTile${name}(to: usize, stride: usize, from: usize, end: usize): void {
  for (let c = from; c < end; c += 16) {
${unroll(n, column)}
    let p = to + vOffset(c - from, ${n * n} * stride);
${unroll(n, row)}
  }
  clearTail(to, end - from, ${n * n}, stride);
}
`;
}

/** One tile: products at its positions to pixels of the result. All rows go to scratch, then all columns to the result. */
function resultTile({ name, positions: n, results, result, scale }: Algorithm, relaxed: boolean): string {
  const row = (i: number) =>
    `const q = p + ${i * n} * stride; ` + each(n, (j) => `const m${j} = v128.load(q + ${j} * stride);`) + " " +
    compute(
      result.map(withoutBias),
      relaxed,
      "y",
      (j, value) => `v128.store(SCRATCH + ${16 * (i * results + j)}, ${value});`,
    );
  const column = (j: number) =>
    `const b = v128.load(bias + c); ` + each(n, (i) => `const m${i} = scratch(${i * results + j});`) + " " +
    compute(
      result,
      relaxed,
      "y",
      (i, value) => `let y${i} = ${scale ? intrinsics(relaxed).madd(value, coefficientOf(scale), "b") : value};`,
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

/** Statements that compute formulas one after the other on both halves of eight channels, which V8 can merge. */
function computePairs(list: readonly Formula[], relaxed: boolean): string {
  return list.map((formula) =>
    ["l", "h"].map((half) => `const ${formula.name}${half} = ${expression(formula, relaxed, half)};`).join(" ")
  ).join("\n");
}

/**
 * Input channels `channel` to `end` of an octet of output channels: taps to positions, which are `stride` bytes apart. A
 * channel's taps go to scratch, then all columns, and from there all rows to the panel. The next channel's taps are copied
 * before the rows: the processor cannot load a pair of vectors while the stores of its halves are under way. Sums of integers
 * lead V8 to the pairs of each row.
 */
function weights({ name, weights }: Algorithm, relaxed: boolean): string {
  const outputs = weights.filter(({ name }) => name.startsWith("u")).map(({ name }) => name);
  const n = outputs.length;
  const load = (i: number, from: number) =>
    `const g${i}l = v128.load(SCRATCH, ${32 * from}), g${i}h = v128.load(SCRATCH, ${32 * from + 16});`;
  const column = (j: number) =>
    each(3, (i) => load(i, 3 * i + j)) + computePairs(weights, relaxed) +
    outputs.map((u, i) => {
      const to = 32 * (9 + i * 3 + j);
      return `v128.store(SCRATCH, ${u}h, ${to + 16}); v128.store(SCRATCH, ${u}l, ${to});`;
    }).join(" ");
  const row = (i: number) =>
    each(3, (j) => load(j, 9 + i * 3 + j)) + computePairs(weights, relaxed) +
    outputs.map((u) => `i32x4.add(${u}l, ${u}h);`).join(" ") +
    outputs.map((u) => `v128.store(p, ${u}l); v128.store(p, ${u}h, 16); p += stride;`).join(" ");
  return `
export function weights${name}(
  f: WinogradFields, channel: i32, end: i32, octet: i32, to: usize, stride: usize
): void {
  copyTaps(f, channel, octet);
  for (; channel < end; channel++, to += 32) {
    let p = to;
${unroll(3, column)}
    if (channel + 1 < end) copyTaps(f, channel + 1, octet);
${unroll(n, row)}
  }
}
`;
}

/** The module of transforms. */
export function winogradTransforms(relaxed: boolean): string {
  return `
import { PRODUCT_BYTES } from "../matmul/multiply";
import { RHS_BYTES } from "../matmul/rhs_panel";
import { CONSTANTS, SCRATCH, scratch } from "../memory/area";
import { add, C } from "../simd/simd";
import { clearTail, put, residue, source, vOffset } from "./winograd_tile";
import { copyTaps } from "./taps";
import { WinogradWeightsFields as WinogradFields } from "../job_fields";
` + ALGORITHMS.map((algorithm) =>
    sourceTile(algorithm, relaxed) + resultTile(algorithm, relaxed) + weights(algorithm, relaxed)
  ).join("");
}

/**
 * WGSL that several kernels share. Templates are used only for what WGSL cannot express: unrolling, and the choice of an
 * activation.
 *
 * @module
 */

import type { Activation } from "../../graph/graph.ts";
import type { Tile } from "./tiles.ts";

/** Concatenates `line(0)` … `line(count - 1)`. Loops are slower, as compilers add bounds to them. */
export function unroll(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join("");
}

/** Adds the products of the row vector `a` with the 4×4 matrices `b0_{j}` … `b3_{j}` to `s{i}_0` … `s{i}_{columns - 1}`. */
export function multiplyRow(i: number, columns: number, a: string): string {
  return unroll(
    columns,
    (j) => `s${i}_${j} += ${a}.x * b0_${j} + ${a}.y * b1_${j} + ${a}.z * b2_${j} + ${a}.w * b3_${j};\n      `,
  );
}

/** Most loads and stores of results to unroll: with 256, Mesa's llvmpipe compiles for six seconds, with a loop for three. */
const UNROLLED_ACCESSES = 128;

/**
 * Stores all rows `s{i}_0` … `s{i}_{columns - 1}` of a tile; `store` writes the statements for row `i`, whose index in the
 * tile is the expression `index`, and which access memory `accesses` times per `vec4f`. Large tiles are stored in a loop:
 * it stores the first rows, then moves all others up.
 */
export function storeRows(
  { rows, columns }: Tile,
  accesses: 1 | 2,
  store: (i: number, index: string) => string,
): string {
  if (rows * columns * accesses <= UNROLLED_ACCESSES) return unroll(rows, (i) => store(i, `${i}u`));
  const step = rows % 4 === 0 ? 4 : 1;
  return `for (var first = 0u; first < ${rows}u; first += ${step}u) {
    ${unroll(step, (i) => store(i, `(first + ${i}u)`))}
    ${unroll(rows - step, (i) => unroll(columns, (j) => `s${i}_${j} = s${i + step}_${j};\n    `))}
  }`;
}

/** Caches the results of `make` by its arguments: graphs in bands record the same kernels thousands of times. */
export function memoized<A extends readonly unknown[], T>(make: (...args: A) => T): (...args: A) => T {
  const made = new Map<string, T>();
  return (...args) => {
    const key = JSON.stringify(args);
    let result = made.get(key);
    if (result === undefined) made.set(key, result = make(...args));
    return result;
  };
}

/** `fn activate(x: vec4f) -> vec4f`; the identity without an activation. */
export function activationFunction(activation: Activation | undefined): string {
  return `${activation === "gelu" ? ERF : ""}
fn activate(x: vec4f) -> vec4f { ${ACTIVATIONS[activation ?? "none"]} }`;
}

const ACTIVATIONS: Record<Activation | "none", string> = {
  none: "return x;",
  relu: "return select(x, vec4f(), x < vec4f());", // unlike max, it keeps NaN
  silu: "return x / (1.0 + exp(-x));",
  gelu: "return 0.5 * x * (1.0 + erf(x * 0.70710678));",
  // x tanh(ln(1 + e)) with e = exp(x), as a quotient without overflow or cancellation
  mish: `let e = exp(min(x, vec4f(20.0)));
  let m = e * (e + 2.0);
  return x * (m / (m + 2.0));`,
};

/** erf by a Chebyshev fit of erfc, relative error below 1.2e-7; near zero by its series, without cancellation. */
const ERF = `
fn erf(x: vec4f) -> vec4f {
  let z = abs(x);
  let t = 1.0 / (1.0 + 0.5 * z);
  let fit = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 +
    t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let far = sign(x) * (1.0 - t * exp(fit - z * z));
  let s = x * x;
  let near = x * (1.12837917 + s * (-0.37612639 + s * (0.11283792 + s * (-0.02686617 + s * 0.00522398))));
  return select(far, near, z < vec4f(0.3));
}`;

/** Most iterations of an invocation: software adapters silently leave a loop after 65,535, counted over all its loops. */
export const MAX_ITERATIONS = 60000;
/** Most lanes of a workgroup that every device supports. */
const MAX_LANES = 256;

/** The lanes for a number of iterations: `lanes`, or more so that each has at most {@linkcode MAX_ITERATIONS}. */
export function lanesFor(iterations: number, lanes: number): number {
  while (iterations / lanes > MAX_ITERATIONS && lanes < MAX_LANES) lanes *= 2;
  return lanes;
}

/**
 * `fn reduceSum(value: f32, lane: u32) -> f32`, and `reduceMax`: all lanes of the workgroup must call it, and get the
 * result. `LANES` is the workgroup's size, a power of two.
 */
export const REDUCE = `
override LANES: u32;
var<workgroup> partials: array<f32, LANES>;
fn reduceSum(value: f32, lane: u32) -> f32 {
  partials[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partials[lane] += partials[lane + half]; }
    workgroupBarrier();
  }
  let total = partials[0];
  workgroupBarrier();
  return total;
}
fn reduceMax(value: f32, lane: u32) -> f32 {
  partials[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partials[lane] = max(partials[lane], partials[lane + half]); }
    workgroupBarrier();
  }
  let greatest = partials[0];
  workgroupBarrier();
  return greatest;
}`;

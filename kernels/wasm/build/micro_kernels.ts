/**
 * AssemblyScript of the micro-kernels, whose loops are unrolled here. Part of the build, not of the engine.
 *
 * @module
 */

import { GROUP, SLICE } from "../abi.ts";
import { intrinsics } from "./intrinsics.ts";

/** Bytes of the products of six rows and an octet of columns. */
const PRODUCT_BYTES = GROUP * 8 * 4;
/** Bytes of an lhs panel. */
const LHS_BYTES = GROUP * SLICE * 4;

/** A vector of results that a micro-kernel keeps in a register. */
interface Accumulator {
  readonly name: string;
  readonly row: number;
  readonly vector: number;
}

/** Six rows of `vectors` vectors. */
function accumulators(vectors: number): Accumulator[] {
  return Array.from({ length: GROUP * vectors }, (_, i) => {
    return { name: `c${i}`, row: Math.floor(i / vectors), vector: i % vectors };
  });
}

/** Where in the products [octet][6][8] an accumulator belongs, in bytes. */
function productOffset({ row, vector }: Accumulator): number {
  return (vector >> 1) * PRODUCT_BYTES + row * 32 + (vector & 1) * 16;
}

/** Writes the accumulators, or adds them to what is there. */
function store(vectors: number): string {
  const each = (value: (name: string, offset: number) => string) =>
    accumulators(vectors).map((cell) => {
      const offset = productOffset(cell);
      return `v128.store(c, ${value(cell.name, offset)}, ${offset});`;
    }).join(" ");
  return `
    if (first) {
      ${each((name) => name)}
    } else {
      ${each((name, offset) => `f32x4.add(v128.load(c, ${offset}), ${name})`)}
    }`;
}

/** Adds the products of one value of a row and the rhs panel's vectors `b0`, `b1`, … */
function multiplyRow(vectors: number, row: number, value: string, relaxed: boolean): string {
  const { madd } = intrinsics(relaxed);
  return accumulators(vectors).filter((cell) => cell.row === row)
    .map(({ name, vector }) => `${name} = ${madd(value, `b${vector}`, name)};`).join(" ");
}

/**
 * The micro-kernel: `C[n][6][8] (+)= LHS[slices][6][32] · B[slices][n][32][8]` for one or two slices; slices and octets of B
 * are `bSlice` and `bOctet` bytes apart. All steps are unrolled, so that the lhs panels are read at constant addresses; 12
 * accumulators, two vectors of B and one splat fill V8's 15 vector registers.
 *
 * The number of instructions limits it, not arithmetic. A constant address needs no instruction if the offset is 0, and a
 * bounds check needs one less if the offset was checked before, so B advances.
 */
function rows(relaxed: boolean): string {
  return `
export function rows(
  slices: i32, n: i32, b: usize, bSlice: usize, bOctet: usize, c: usize, first: bool
): void {
  for (; n > 0; n--, c += ${PRODUCT_BYTES}) {
    let a: v128, b0: v128, b1: v128;
    let ${accumulators(2).map(({ name }) => `${name} = f32x4.splat(0)`).join(", ")};
    const octet = b;
${multiplySteps(SLICE, 0, relaxed)}
    if (slices > 1) {
      b = octet + bSlice;
${multiplySteps(SLICE, LHS_BYTES, relaxed)}
    }
    b = octet + bOctet;
${store(2)}
  }
}`;
}

/** Only the first four steps of the micro-kernel. */
function rows4(relaxed: boolean): string {
  return `
export function rows4(n: i32, b: usize, c: usize, first: bool): void {
  for (; n > 0; n--, b += ${(SLICE - 4) * 32}, c += ${PRODUCT_BYTES}) {
    let a: v128, b0: v128, b1: v128;
    let ${accumulators(2).map(({ name }) => `${name} = f32x4.splat(0)`).join(", ")};
${multiplySteps(4, 0, relaxed)}
${store(2)}
  }
}`;
}

/** The first steps of a slice, whose lhs panel is at LHS + `offset`. */
function multiplySteps(steps: number, offset: number, relaxed: boolean): string {
  const step = (k: number) =>
    [
      `    b0 = v128.load(b); b1 = v128.load(b, 16); b += 32;`,
      ...Array.from({ length: GROUP }, (_, row) =>
        `    a = v128.load32_splat(LHS + ${offset + (row * SLICE + k) * 4}); ` + multiplyRow(2, row, "a", relaxed)),
    ].join("\n");
  return Array.from({ length: steps }, (_, k) => step(k)).join("\n");
}

/**
 * The 256-bit micro-kernel for one or two octets and one or two slices:
 * `C[n][octets][6][8] (+)= A[n][slices][6][32] · RHS[slices][octets][32][8]`, slices of A `aSlice` bytes apart. V8 can merge
 * two instructions on adjacent vectors (see revectorize.ts) if nothing that may trap lies between them. So the rhs panels are
 * at constant addresses. The lhs panel is loaded, and its bounds are checked, once for four steps: a shuffle that broadcasts
 * one lane becomes a load of that lane. Its row is part of the address: as an offset, V8 would add it to the memory's start,
 * keep all those sums, and reload one before each load.
 *
 * V8 finds pairs by starting from adjacent stores, or from sums of integers. The bounds of the stores here are checked, so
 * such sums are computed and dropped. Stores and their checks take a fifth of the time of one slice: hence two.
 *
 * Rhs panels come from a distant cache. So while it multiplies, each group copies `bytesPerGroup` bytes of each slice of the
 * next panel, from `next` on, to the other buffer; therefore the kernel for two octets exists twice.
 */
function wideRows(name: string, octets: 1 | 2, buffer: 0 | 1, relaxed: boolean): string {
  const vectors = 2 * octets, cells = accumulators(vectors);
  const lhs = Array.from({ length: GROUP }, (_, row) => `a${row} = v128.load(p + ${row * SLICE * 4});`).join(" ");
  const rhs = (slice: number, k: number) =>
    Array.from(
      { length: vectors },
      (_, v) => `b${v} = v128.load(RHS${buffer}, ${(slice * 2 + (v >> 1)) * SLICE * 32 + k * 32 + (v & 1) * 16});`,
    );
  const step = (slice: number, k: number) =>
    [
      ...k % 4 ? [] : [`    ${lhs} p += 16;`],
      `    ${rhs(slice, k).join(" ")}`,
      ...Array.from({ length: GROUP }, (_, row) =>
        `    s = v128.shuffle<i32>(a${row}, a${row}, ${Array(4).fill(k % 4).join(", ")}); ` +
        multiplyRow(vectors, row, "s", relaxed)),
    ].join("\n");
  const steps = (slice: number) => Array.from({ length: SLICE }, (_, k) => step(slice, k)).join("\n");
  const pairs = cells.filter(({ vector }) => vector % 2 === 0).map(({ name }, i) =>
    `i32x4.add(${name}, c${2 * i + 1});`
  );
  return `
export function ${name}(
  slices: i32, n: i32, a: usize, aStride: usize, aSlice: usize, c: usize, cStride: usize, first: bool,
  next: usize, nextSlice: usize, bytesPerGroup: usize
): void {
  let to: usize = RHS${1 - buffer};
  for (; n > 0; n--, a += aStride, c += cStride, to += bytesPerGroup) {
    const end = min(to + bytesPerGroup, RHS${1 - buffer} + PAIR_BYTES);
    if (slices > 1) copyLines(to + PAIR_BYTES, end + PAIR_BYTES, next + nextSlice);
    next = copyLines(to, end, next);
    let s: v128, a0: v128, a1: v128, a2: v128, a3: v128, a4: v128, a5: v128;
    let ${Array.from({ length: vectors }, (_, v) => `b${v}: v128`).join(", ")};
    let ${cells.map(({ name }) => `${name} = f32x4.splat(0)`).join(", ")};
    let p = a;
${steps(0)}
    if (slices > 1) {
      p = a + aSlice;
${steps(1)}
    }
    ${pairs.join(" ")}
${store(vectors)}
  }
}`;
}

/** The module of micro-kernels. */
export function microKernels(relaxed: boolean): string {
  return `
import { LHS, RHS0, RHS1 } from "../memory/area";
import { copyLines } from "../memory/cache_lines";
import { PAIR_BYTES } from "./rhs_panel";` +
    rows(relaxed) + rows4(relaxed) + wideRows("wideRows0", 2, 0, relaxed) +
    wideRows("wideRows1", 2, 1, relaxed) + wideRows("wideOctet", 1, 0, relaxed);
}

/** `count` chains of sums and their total. The last sums are outside the loop, where V8 splits pairs. */
function chains(count: number, paired: boolean): string {
  const names = Array.from({ length: count }, (_, i) => `c${i}`);
  const sums = names.map((name) => `${name} = f32x4.add(${name}, x);`).join(" ");
  const pairs = names.filter((_, i) => i % 2).map((name, i) => `i32x4.add(c${2 * i}, ${name});`);
  return `
    let ${names.map((name) => `${name} = x`).join(", ")};
    for (; n > 0; n--) { ${sums} ${sums} }
    ${sums}
    ${paired ? pairs.join(" ") : ""}
    return f32x4.extract_lane(${names.reduce((total, name) => `f32x4.add(${total}, ${name})`)}, 0);`;
}

/** The module that revectorize.ts measures: 12 chains fit the registers, and 24 only if V8 merges pairs. */
export const CHAINS = `
export function chains(n: i32, many: bool, value: f32): f32 {
  const x = f32x4.splat(value);
  if (many) {${chains(24, true)}
  } else {${chains(12, false)}
  }
}`;

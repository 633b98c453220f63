/**
 * AssemblyScript of the micro-kernels, whose loops are unrolled here. Part of the build, not of the engine.
 *
 * @module
 */

import { GROUP, SLICE } from "../abi.ts";

/** Bytes of the products of six rows and an octet of columns. */
const PRODUCT_BYTES = GROUP * 8 * 4;

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

/**
 * Adds the products of one value of a row and the rhs panel's vectors `b0`, `b1`, … Without an inlined function, whose end
 * would keep V8 from merging pairs.
 */
function multiplyRow(vectors: number, row: number, value: string, relaxed: boolean): string {
  return accumulators(vectors).filter((cell) => cell.row === row).map(({ name, vector }) => {
    const b = `b${vector}`;
    return relaxed
      ? `${name} = f32x4.relaxed_madd(${value}, ${b}, ${name});`
      : `${name} = f32x4.add(f32x4.mul(${value}, ${b}), ${name});`;
  }).join(" ");
}

/**
 * The micro-kernel: `C[n][6][8] (+)= LHS[6][32] · B[n][32][8]`, or only the first `steps` of 32. All steps are unrolled, so
 * that the lhs panel is read at constant addresses; 12 accumulators, two vectors of B and one splat fill V8's 15 vector
 * registers.
 *
 * The number of instructions limits it, not arithmetic. A constant address needs no instruction if the offset is 0, and a
 * bounds check needs one less if the offset was checked before, so B advances.
 */
function rows(name: string, steps: number, relaxed: boolean): string {
  const step = (k: number) =>
    [
      `    b0 = v128.load(b); b1 = v128.load(b, 16); b += 32;`,
      ...Array.from({ length: GROUP }, (_, row) =>
        `    a = v128.load32_splat(LHS + ${(row * SLICE + k) * 4}); ` + multiplyRow(2, row, "a", relaxed)),
    ].join("\n");
  return `
export function ${name}(n: i32, b: usize, c: usize, first: bool): void {
  for (; n > 0; n--, b += ${(SLICE - steps) * 32}, c += ${PRODUCT_BYTES}) {
    let a: v128, b0: v128, b1: v128;
    let ${accumulators(2).map(({ name }) => `${name} = f32x4.splat(0)`).join(", ")};
${Array.from({ length: steps }, (_, k) => step(k)).join("\n")}
${store(2)}
  }
}`;
}

/**
 * The 256-bit micro-kernel for one or two octets: `C[n][octets][6][8] (+)= A[n][6][32] · RHS[octets][32][8]`. V8 can merge
 * two instructions on adjacent vectors (see revectorize.ts) if nothing that may trap lies between them. So the rhs panel is at
 * constant addresses. The lhs panel is loaded, and its bounds are checked, once for four steps: a shuffle that broadcasts one
 * lane becomes a load of that lane. Its row is part of the address: as an offset, V8 would add it to the memory's start, keep
 * all those sums, and reload one before each load.
 *
 * V8 finds pairs by starting from adjacent stores, or from sums of integers. The bounds of the stores here are checked, so
 * such sums are computed and dropped.
 *
 * Rhs panels come from a distant cache. So while it multiplies, each group copies `bytesPerGroup` bytes of the next panel,
 * from `next` on, to the other buffer; therefore the kernel for two octets exists twice.
 */
function wideRows(name: string, octets: 1 | 2, buffer: 0 | 1, relaxed: boolean): string {
  const vectors = 2 * octets, cells = accumulators(vectors);
  const lhs = Array.from({ length: GROUP }, (_, row) => `a${row} = v128.load(p + ${row * SLICE * 4});`).join(" ");
  const rhs = (k: number) =>
    Array.from(
      { length: vectors },
      (_, v) => `b${v} = v128.load(RHS${buffer}, ${(v >> 1) * SLICE * 32 + k * 32 + (v & 1) * 16});`,
    );
  const step = (k: number) =>
    [
      ...k % 4 ? [] : [`    ${lhs} p += 16;`],
      `    ${rhs(k).join(" ")}`,
      ...Array.from({ length: GROUP }, (_, row) =>
        `    s = v128.shuffle<i32>(a${row}, a${row}, ${Array(4).fill(k % 4).join(", ")}); ` +
        multiplyRow(vectors, row, "s", relaxed)),
    ].join("\n");
  const pairs = cells.filter(({ vector }) => vector % 2 === 0).map(({ name }, i) =>
    `i32x4.add(${name}, c${2 * i + 1});`
  );
  return `
export function ${name}(
  n: i32, a: usize, aStride: usize, c: usize, cStride: usize, first: bool, next: usize, bytesPerGroup: usize
): void {
  let to: usize = RHS${1 - buffer};
  for (; n > 0; n--, a += aStride, c += cStride, to += bytesPerGroup) {
    next = copyLines(to, min(to + bytesPerGroup, RHS${1 - buffer} + PAIR_BYTES), next);
    let s: v128, a0: v128, a1: v128, a2: v128, a3: v128, a4: v128, a5: v128;
    let ${Array.from({ length: vectors }, (_, v) => `b${v}: v128`).join(", ")};
    let ${cells.map(({ name }) => `${name} = f32x4.splat(0)`).join(", ")};
    let p = a;
${Array.from({ length: SLICE }, (_, k) => step(k)).join("\n")}
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
    rows("rows", SLICE, relaxed) + rows("rows4", 4, relaxed) + wideRows("wideRows0", 2, 0, relaxed) +
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

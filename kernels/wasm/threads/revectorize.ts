/**
 * Detection of 256-bit vectors.
 *
 * WebAssembly's vectors have 128 bits. With `--experimental-wasm-revectorize`, V8 merges pairs of their instructions on
 * processors that support it (x86-64 with AVX2). No API reports this, so it is measured: 24 chains of sums take at least twice
 * as long as 12, because there are twice as many and they exceed the registers, unless V8 merges them.
 *
 * @module
 */

import * as generated from "../module.gen.ts";
import { inflate } from "./module.ts";

/** The exports of the module of chains. */
interface Chains {
  /** Adds `n` times two values to each of 12 chains, or 24 if `many`. */
  chains(n: number, many: boolean, value: number): number;
}

/** A measurement takes some 100 us once V8 has optimized the code, which takes some 10 ms. */
const LENGTH = 8000;
/** Number of measurements before concluding that V8 does not merge pairs. */
const ROUNDS = 12;
/** Measurements in the median, which hides disturbances by other processes. */
const LATEST = 5;
/** Ratio of 24 chains to 12: about 1 if merged, otherwise about 2.1. */
const PAIRED = 1.5;

let measuring: Promise<boolean> | undefined;

/** Whether V8 merges pairs of vectors. Measured once per process; false where there is no SIMD. */
export function vectorsAreWide(): Promise<boolean> {
  return measuring ??= measure().catch(() => false);
}

async function measure(): Promise<boolean> {
  const { instance } = await WebAssembly.instantiate(await inflate(generated.chains));
  const { chains } = instance.exports as unknown as Chains;
  const time = (many: boolean) => {
    const started = performance.now();
    chains(LENGTH, many, 0);
    return performance.now() - started;
  };
  const ratios: number[] = [];
  time(true); // compiles the code
  for (let i = 0; i < ROUNDS; i++) {
    const few = time(false);
    ratios.push(time(true) / few);
    if (ratios.length >= LATEST && median(ratios.slice(-LATEST)) < PAIRED) return true;
    await new Promise((resolve) => setTimeout(resolve, 0)); // V8 optimizes meanwhile
  }
  return false;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

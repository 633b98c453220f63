/**
 * Whether V8 computes with vectors of 256 bits.
 *
 * WebAssembly's vectors have 128 bits. Started with `--experimental-wasm-revectorize`, V8 makes one instruction of two where
 * the processor (x86-64 with AVX2) can. A program is not told, so it is measured here: 24 chains of sums take at least twice
 * as long as 12, being twice as many and too many for the registers, unless V8 takes them in pairs.
 *
 * @module
 */

import * as generated from "../module.gen.ts";
import { inflate } from "./module.ts";

/** What the module of chains exports. */
interface Chains {
  /** Adds `n` times two values to each of 12 chains, or of 24. */
  chains(n: number, many: boolean, value: number): number;
}

/** A measurement takes some 100 us, once V8 has optimized the code, which takes it some 10 ms. */
const LENGTH = 8000;
/** How often to measure before V8 is said not to take pairs. */
const ROUNDS = 12;
/** The median of so many measurements counts: others want the processor, too. */
const LATEST = 5;
/** In pairs, 24 chains take as long as 12; otherwise some 2.1 times. */
const PAIRED = 1.5;

let measuring: Promise<boolean> | undefined;

/** Whether V8 takes pairs; measured once in a process. No, where there are no vectors at all. */
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
  time(true); // compiles it
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

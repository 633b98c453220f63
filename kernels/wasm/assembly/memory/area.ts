// This thread's private 16 KiB at constant addresses. V8 checks the bounds of every access whose address it cannot
// know; constants below the initial memory size are free. So everything hot and small lives here, and each thread gets
// its own copy of the module, in which BASE differs (see build.ts).
import { BASE } from "./base";

/** Lhs panel of the micro-kernel for vectors of 128 bits: [6][32]. */
export const LHS: usize = BASE;
/** Pointers to the pixels of one tile (see pointers.ts), or where six results' source windows lie (see implicit_gemm.ts). */
export const POINTERS: usize = BASE + 1024;
/** Numbers that vector code multiplies by: see simd.ts. */
export const CONSTANTS: usize = BASE + 2048;
/** Intermediate values of a transform: 81 vectors at most. */
export const SCRATCH: usize = BASE + 4096;
/** Two rhs panels of the micro-kernel for vectors of 256 bits, [2][32][8]: it reads one and fills the other. */
export const RHS0: usize = BASE + 10240;
export const RHS1: usize = BASE + 12288;

@inline
export function scratch(i: usize): v128 {
  return v128.load(SCRATCH + (i << 4));
}

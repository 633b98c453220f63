// This thread's private 16 KiB at constant addresses. V8 checks the bounds of every access except at constants below the
// initial memory size. So small and hot data lives here, and each thread gets its own copy of the module, in which BASE
// differs (see build.ts).
import { BASE } from "./base";

/** Lhs panels of the micro-kernel for vectors of 128 bits: [2][6][32]. */
export const LHS: usize = BASE;
/** Pointers to the pixels of a tile (see pointers.ts), or positions of six source windows (see implicit_gemm.ts). */
export const POINTERS: usize = BASE + 1536;
/** Constants of vector code: see simd.ts. */
export const CONSTANTS: usize = BASE + 2560;
/** Intermediate values of a transform: at most 81 pairs of vectors. */
export const SCRATCH: usize = BASE + 4096;
/** Two buffers of rhs panels of the micro-kernel for vectors of 256 bits, [2][2][32][8]: it reads one and fills the other. */
export const RHS0: usize = BASE + 8192;
export const RHS1: usize = BASE + 12288;

@inline
export function scratch(i: usize): v128 {
  return v128.load(SCRATCH + (i << 4));
}

// Thread 0's private memory. build.ts compiles the module with several values, to find the bytes that a thread must patch.
export const BASE: usize = 16384;

// Thread 0's area. build.ts compiles the module with two values of this to learn which bytes a thread must patch.
export const BASE: usize = 16384;

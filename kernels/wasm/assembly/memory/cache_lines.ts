// Whole cache lines.

/** Bytes of a cache line. */
export const LINE: usize = 64;

/** Copies whole lines to `to` until `end`. Returns the address behind the last one read. */
export function copyLines(to: usize, end: usize, from: usize): usize {
  for (; to < end; to += LINE, from += LINE) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    v128.store(to, v128.load(from, 32), 32);
    v128.store(to, v128.load(from, 48), 48);
  }
  return from;
}

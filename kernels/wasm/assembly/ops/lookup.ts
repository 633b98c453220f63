// Codebook rows by index.
import { startOf } from "../memory/partition";

// @ts-ignore: decorator
@unmanaged
export class LookupFields {
  indices: usize;
  /** The codes as pixels: [codes][stored]. */
  rows: usize;
  y: usize;
  pixels: i32;
  codes: i32;
  stored: i32;
  /** Blocks are ranges of pixels. */
  blocks: i32;
}

export function lookup(f: LookupFields, block: i32): void {
  const end = startOf(block + 1, f.blocks, f.pixels);
  const bytes = <usize>f.stored << 2;
  for (let pixel = startOf(block, f.blocks, f.pixels); pixel < end; pixel++) {
    const index = load<i32>(f.indices + (<usize>pixel << 2));
    const inside = max(0, min(index, f.codes - 1));
    memory.copy(f.y + <usize>pixel * bytes, f.rows + <usize>inside * bytes, bytes);
  }
}

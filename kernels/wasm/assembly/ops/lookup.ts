// Codebook rows by index.
import { LookupFields } from "../job_fields";
import { startOf } from "../memory/partition";

export function lookup(f: LookupFields, block: i32): void {
  const end = startOf(block + 1, f.blocks, f.pixels);
  const bytes = <usize> f.stored << 2;
  for (let pixel = startOf(block, f.blocks, f.pixels); pixel < end; pixel++) {
    const index = load<i32>(f.indices + (<usize> pixel << 2));
    const inside = max(0, min(index, f.codes - 1));
    memory.copy(f.y + <usize> pixel * bytes, f.rows + <usize> inside * bytes, bytes);
  }
}

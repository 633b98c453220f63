// Codebook rows by index.
//   codebook  [codes/8][channels][8]
import { LookupFields } from "../job_fields";
import { startOf } from "../memory/partition";

export function lookup(f: LookupFields, block: i32): void {
  const end = startOf(block + 1, f.blocks, f.pixels);
  for (let pixel = startOf(block, f.blocks, f.pixels); pixel < end; pixel++) {
    const index = load<i32>(f.indices + (<usize> pixel << 2));
    const inside = max(0, min(index, f.codes - 1));
    const code = f.codebook + (<usize> ((inside & -8) * f.channels + (inside & 7)) << 2);
    const to = f.y + (<usize> (pixel * f.stored) << 2);
    for (let c = 0; c < f.channels; c++) store<f32>(to + (<usize> c << 2), load<f32>(code + (<usize> c << 5)));
    for (let c = f.channels; c < f.stored; c++) store<f32>(to + (<usize> c << 2), 0);
  }
}

// x + (code - x): the code up to one rounding.
import { StraightThroughFields } from "../job_fields";
import { startOf } from "../memory/partition";
import { add, sub } from "../simd/simd";

export function straightThrough(f: StraightThroughFields, block: i32): void {
  const end = <usize> startOf(block + 1, f.blocks, f.vectors) << 4;
  for (let i = <usize> startOf(block, f.blocks, f.vectors) << 4; i < end; i += 16) {
    const x = v128.load(f.x + i);
    v128.store(f.y + i, add(x, sub(v128.load(f.code + i), x)));
  }
}

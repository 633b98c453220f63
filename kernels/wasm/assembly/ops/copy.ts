// Copies memory, in blocks.
import { CopyFields } from "../job_fields";
import { startOf } from "../memory/partition";

export function copy(f: CopyFields, block: i32): void {
  const start = <usize> startOf(block, f.blocks, f.vectors) << 4;
  const end = <usize> startOf(block + 1, f.blocks, f.vectors) << 4;
  memory.copy(f.y + start, f.x + start, end - start);
}

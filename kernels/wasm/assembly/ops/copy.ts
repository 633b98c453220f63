// Copies memory, in blocks.
import { startOf } from "../memory/partition";

// @ts-ignore: decorator
@unmanaged
export class CopyFields {
  x: usize;
  y: usize;
  /** Vectors of four values. */
  vectors: i32;
  /** Blocks are ranges of vectors. */
  blocks: i32;
}

export function copy(f: CopyFields, block: i32): void {
  const start = <usize>startOf(block, f.blocks, f.vectors) << 4;
  const end = <usize>startOf(block + 1, f.blocks, f.vectors) << 4;
  memory.copy(f.y + start, f.x + start, end - start);
}

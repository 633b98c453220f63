// Copies memory, in blocks.
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
  const start = <usize>(<i64>f.vectors * block / f.blocks) << 4;
  const end = <usize>(<i64>f.vectors * (block + 1) / f.blocks) << 4;
  memory.copy(f.y + start, f.x + start, end - start);
}

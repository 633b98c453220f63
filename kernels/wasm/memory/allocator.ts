/**
 * Allocation of blocks in an address range.
 *
 * @module
 */

const ALIGNMENT = 64;

/** Allocates blocks by best fit, and measures how far the range is used. */
export class Allocator {
  /** The end of the range: that of the highest block so far, unless it was {@linkcode shrink | shrunk}. */
  top: number;
  /** The end of the highest block in use since {@linkcode startPeak}. */
  peak: number;
  /** Bytes of all blocks in use. */
  bytes = 0;
  /** Sorted by address; neighbours are merged. */
  #free: { start: number; end: number }[] = [];
  #used = new Map<number, number>();

  /** The range begins at `start`. `grow` is called before {@linkcode top} grows, and may throw. */
  constructor(start: number, private readonly grow: (top: number) => void = () => {}) {
    this.top = this.peak = start;
  }

  /** Allocates a block and returns its address, a multiple of 64. */
  allocate(bytes: number): number {
    const size = sizeOf(bytes);
    return this.#use(this.#take(size) ?? this.#extend(size), size);
  }

  /** Allocates a block above all others: up to the address `end`, or beyond it if there is not enough room. */
  allocateLast(bytes: number, end: number): number {
    const size = sizeOf(bytes), gap = this.#end();
    const start = Math.max(gap, Math.floor(end / ALIGNMENT) * ALIGNMENT - size);
    this.#extend(start - gap + size);
    if (gap < start) this.#free.push({ start: gap, end: start });
    return this.#use(start, size);
  }

  /** Frees the block at `start`. */
  free(start: number): void {
    const size = this.#used.get(start);
    if (size === undefined) return;
    this.#used.delete(start);
    this.bytes -= size;
    const i = this.#free.findLastIndex((block) => block.start < start) + 1;
    const end = start + size;
    const before = this.#free[i - 1], after = this.#free[i];
    const block = {
      start: before?.end === start ? before.start : start,
      end: after?.start === end ? after.end : end,
    };
    this.#free.splice(
      before?.end === start ? i - 1 : i,
      Number(before?.end === start) + Number(after?.start === end),
      block,
    );
  }

  /** Resets {@linkcode peak} to the blocks in use now. */
  startPeak(): void {
    this.peak = this.#end();
  }

  /** Ends the range at `top`, or at the end of the highest block in use if that is higher. */
  shrink(top: number): void {
    const end = this.#end();
    if (end < this.top) this.#free.pop();
    this.top = Math.max(end, Math.min(top, this.top));
    if (end < this.top) this.#free.push({ start: end, end: this.top });
  }

  #use(start: number, size: number): number {
    this.#used.set(start, size);
    this.bytes += size;
    this.peak = Math.max(this.peak, start + size);
    return start;
  }

  /** The end of the highest block in use. */
  #end(): number {
    const last = this.#free.at(-1);
    return last?.end === this.top ? last.start : this.top;
  }

  /** Takes `size` bytes from the smallest free block that is large enough. */
  #take(size: number): number | undefined {
    let best: { start: number; end: number } | undefined;
    for (const block of this.#free) {
      const length = block.end - block.start;
      if (length >= size && (!best || length < best.end - best.start)) best = block;
    }
    if (!best) return undefined;
    const start = best.start;
    best.start += size;
    if (best.start === best.end) this.#free.splice(this.#free.indexOf(best), 1);
    return start;
  }

  /** Takes `size` bytes at the end of the range, including what is free there. */
  #extend(size: number): number {
    const start = this.#end();
    this.grow(start + size);
    if (start !== this.top) this.#free.pop();
    this.top = start + size;
    return start;
  }
}

/** Bytes of the block for `bytes`. */
function sizeOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / ALIGNMENT)) * ALIGNMENT;
}

/**
 * Which parts of an address range are in use.
 *
 * @module
 */

const ALIGNMENT = 64;

/** Hands out spans of bytes, best fit first, and knows how far the range has ever been used. */
export class Spans {
  /** The end of the highest span handed out so far. */
  top: number;
  /** Sorted by address; neighbours are merged. */
  #free: { start: number; end: number }[] = [];
  #used = new Map<number, number>();

  /** The range begins at `start` and has no end; `grow` is told of each new {@linkcode top} first, and may throw. */
  constructor(start: number, private readonly grow: (top: number) => void = () => {}) {
    this.top = start;
  }

  /** Reserves `bytes` and returns where they begin, a multiple of 64. */
  allocate(bytes: number): number {
    const size = Math.max(1, Math.ceil(bytes / ALIGNMENT)) * ALIGNMENT;
    const start = this.#take(size) ?? this.#extend(size);
    this.#used.set(start, size);
    return start;
  }

  /** Returns a span by its start. */
  free(start: number): void {
    const size = this.#used.get(start);
    if (size === undefined) return;
    this.#used.delete(start);
    const i = this.#free.findLastIndex((span) => span.start < start) + 1;
    const end = start + size;
    const before = this.#free[i - 1], after = this.#free[i];
    const span = {
      start: before?.end === start ? before.start : start,
      end: after?.start === end ? after.end : end,
    };
    this.#free.splice(
      before?.end === start ? i - 1 : i,
      Number(before?.end === start) + Number(after?.start === end),
      span,
    );
  }

  /** Takes `size` bytes from the smallest free span that has them. */
  #take(size: number): number | undefined {
    let best: { start: number; end: number } | undefined;
    for (const span of this.#free) {
      const length = span.end - span.start;
      if (length >= size && (!best || length < best.end - best.start)) best = span;
    }
    if (!best) return undefined;
    const start = best.start;
    best.start += size;
    if (best.start === best.end) this.#free.splice(this.#free.indexOf(best), 1);
    return start;
  }

  /** Takes `size` bytes at the end, counting what is free there. */
  #extend(size: number): number {
    const last = this.#free.at(-1);
    const start = last?.end === this.top ? last.start : this.top;
    this.grow(start + size);
    if (start !== this.top) this.#free.pop();
    this.top = start + size;
    return start;
  }
}

/**
 * Which parts of an address range are in use.
 *
 * @module
 */

const ALIGNMENT = 64;

/** Hands out spans of bytes, best fit first, and knows how far the range has been used. */
export class Spans {
  /** The end of the range: of the highest span handed out so far, unless it was {@linkcode shrink | shrunk}. */
  top: number;
  /** The end of the highest span that was in use since {@linkcode startPeak}. */
  peak: number;
  /** Bytes of the spans in use. */
  bytes = 0;
  /** Sorted by address; neighbours are merged. */
  #free: { start: number; end: number }[] = [];
  #used = new Map<number, number>();

  /** The range begins at `start` and has no end; `grow` is told of each new {@linkcode top} first, and may throw. */
  constructor(start: number, private readonly grow: (top: number) => void = () => {}) {
    this.top = this.peak = start;
  }

  /** Reserves `bytes` and returns where they begin, a multiple of 64. */
  allocate(bytes: number): number {
    const size = Math.max(1, Math.ceil(bytes / ALIGNMENT)) * ALIGNMENT;
    const start = this.#take(size) ?? this.#extend(size);
    this.#used.set(start, size);
    this.bytes += size;
    this.peak = Math.max(this.peak, start + size);
    return start;
  }

  /** Returns a span by its start. */
  free(start: number): void {
    const size = this.#used.get(start);
    if (size === undefined) return;
    this.#used.delete(start);
    this.bytes -= size;
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

  /** Measures {@linkcode peak} anew, from what is in use now. */
  startPeak(): void {
    this.peak = this.#end();
  }

  /** Ends the range at `top`, or behind the highest span in use. */
  shrink(top: number): void {
    const end = this.#end();
    if (end < this.top) this.#free.pop();
    this.top = Math.max(end, Math.min(top, this.top));
    if (end < this.top) this.#free.push({ start: end, end: this.top });
  }

  /** Where everything behind is free. */
  #end(): number {
    const last = this.#free.at(-1);
    return last?.end === this.top ? last.start : this.top;
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
    const start = this.#end();
    this.grow(start + size);
    if (start !== this.top) this.#free.pop();
    this.top = start + size;
    return start;
  }
}

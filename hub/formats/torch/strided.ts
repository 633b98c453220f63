/**
 * Tensors as views of a block of memory: element [i, j, …] is at offset + i·strides[0] + j·strides[1] + …
 *
 * @module
 */

/** A view of a block of memory, in elements. */
export interface Strided {
  /** Where its first element is. */
  readonly offset: number;
  /** Sizes of each dimension, outermost first. */
  readonly shape: readonly number[];
  /** How far apart neighbours along each dimension are. */
  readonly strides: readonly number[];
}

/** How many elements of memory there are from a view's first to its last, both included. */
export function elementsSpanned({ shape, strides }: Strided): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((span, side, i) => span + (side - 1) * strides[i], 1);
}

/** Whether the elements lie one after another in row-major order. */
export function isDense({ shape, strides }: Strided): boolean {
  if (shape.includes(0)) return true;
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== stride) return false;
    stride *= shape[i];
  }
  return true;
}

/** Puts the elements of a view into `elements`, row-major, and returns those. `memory` begins at the first one. */
export function gather<T extends Float32Array | Int32Array>(memory: T, elements: T, { shape, strides }: Strided): T {
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < elements.length; to++) {
    elements[to] = memory[from];
    for (let i = shape.length - 1; i >= 0; i--) {
      from += strides[i];
      if (++index[i] < shape[i]) break;
      from -= shape[i] * strides[i];
      index[i] = 0;
    }
  }
  return elements;
}

/**
 * Strided views of a block of memory: element [i, j, …] is at offset + i·strides[0] + j·strides[1] + …
 *
 * @module
 */

/** A strided view of a block of memory. Offset and strides count elements, not bytes. */
export interface Strided {
  /** Position of the first element. */
  readonly offset: number;
  /** Size of each dimension, outermost first. */
  readonly shape: readonly number[];
  /** Distance between neighbours along each dimension. */
  readonly strides: readonly number[];
}

/** Number of elements of memory from a view's first element to its last, both included. */
export function elementsSpanned({ shape, strides }: Strided): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((span, side, i) => span + (side - 1) * strides[i], 1);
}

/**
 * The elements of a view in row-major order: `memory` itself where they already are, or else a new array.
 *
 * @param memory the elements from the view's first to its last
 */
export function toRowMajor<T extends Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(
  memory: T,
  { shape, strides }: Pick<Strided, "shape" | "strides">,
): T {
  if (isContiguous(shape, strides)) return memory;
  const count = shape.reduce((product, side) => product * side, 1);
  const elements = new (memory.constructor as new (length: number) => T)(count);
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

/** Whether elements lie one after another in row-major order. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== stride) return false;
    stride *= shape[i];
  }
  return true;
}

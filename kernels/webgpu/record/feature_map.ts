/**
 * Feature maps in device memory, and the parts of it that are bound to kernels.
 *
 * @module
 */

import { type Element, VEC4_BYTES } from "../shader/element.ts";

/** Memory of intermediate values, inputs and outputs. A buffer is assigned to it by liveness. */
export class PlannedMemory {
  readonly bytes: number;
  readonly element: Element;
  /** Name of its op, for messages. */
  readonly label: string;

  constructor(bytes: number, element: Element, label: string) {
    this.bytes = bytes;
    this.element = element;
    this.label = label;
  }
}

/** Memory of weights, which is allocated. */
export interface WeightMemory {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  readonly element: Element;
}

/** Memory that a kernel reads or writes. */
export type Memory = PlannedMemory | WeightMemory;

/** A range of bytes that is bound to a kernel. */
export interface Binding {
  readonly memory: Memory;
  readonly offset: number;
  readonly size: number;
}

/** A picture or the result of a layer in device memory: NHWC with padded channels. */
export interface FeatureMap {
  /** Has the element type of the feature map. */
  readonly memory: Memory;
  /** Byte offset in the memory. */
  readonly offset: number;
  readonly n: number;
  readonly h: number;
  readonly w: number;
  /** Channels without padding. */
  readonly c: number;
  /** Channels with padding, in `vec4f`. */
  readonly c4: number;
}

/** A binding of the pixels `[from, to)` of a feature map, or more of them. */
export interface Window {
  readonly binding: Binding;
  /**
   * Index in the feature map of the binding's first `vec4f`, which kernels subtract modulo 2³²: it is negative if the
   * feature map begins within the binding.
   */
  readonly origin: number;
}

/** Bytes of a `vec4f`. */
export const VEC4 = VEC4_BYTES.f32;
/** Bytes of a float32, an index, or an RGBA pixel. */
export const WORD = 4;
/** Alignment of bindings, in bytes. */
export const ALIGNMENT = 256;
/** Most workgroups of a dispatch in each dimension that WebGPU guarantees. */
export const MAX_GRID = 65535;

/** Rows of one image of a feature map, as a feature map in the same memory. */
export function rowsOf(map: FeatureMap, image: number, first: number, count: number): FeatureMap {
  return { ...map, offset: map.offset + (image * map.h + first) * rowBytes(map), n: 1, h: count };
}

/** Bytes of one row of a feature map. */
export function rowBytes({ memory, w, c4 }: FeatureMap): number {
  return w * c4 * VEC4_BYTES[memory.element];
}

/** Splits `[0, total)` into bands of at most `size`. */
export function bands(total: number, size: number): [from: number, to: number][] {
  const count = Math.ceil(total / size);
  const each = Math.ceil(total / count);
  return Array.from({ length: count }, (_, i) => [i * each, Math.min(total, (i + 1) * each)]);
}

/** A binding of the words `[first, end)` of an array; `within` is the index of the first in it. */
export function span(memory: Memory, first: number, end: number): { binding: Binding; within: number } {
  const offset = Math.floor(first * WORD / ALIGNMENT) * ALIGNMENT;
  return { binding: { memory, offset, size: end * WORD - offset }, within: first - offset / WORD };
}

/** A binding of all bytes of some memory; bindings are returned as they are. */
export function asBinding(part: Memory | Binding): Binding {
  if ("memory" in part) return part;
  return { memory: part, offset: 0, size: Math.max(4, part.bytes) };
}

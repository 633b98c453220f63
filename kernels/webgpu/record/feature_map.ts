/**
 * Feature maps and other memory, as the kernels see it: parts of buffers, of which bindings show some.
 *
 * @module
 */

import { type Element, VEC4_BYTES } from "../shader/element.ts";

/** Memory that a program needs while it runs; which buffer that is, liveness decides. */
export class PlannedMemory {
  readonly bytes: number;
  readonly element: Element;
  /** Whose it is, in messages. */
  readonly label: string;

  constructor(bytes: number, element: Element, label: string) {
    this.bytes = bytes;
    this.element = element;
    this.label = label;
  }
}

/** Memory that exists already: weights. */
export interface WeightMemory {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  readonly element: Element;
}

/** Where a kernel reads or writes. */
export type Memory = PlannedMemory | WeightMemory;

/** A part of some memory, as a kernel sees it. */
export interface Binding {
  readonly memory: Memory;
  readonly offset: number;
  readonly size: number;
}

/** A picture, or what a layer makes of one, on the device: NHWC with padded channels. */
export interface FeatureMap {
  /** Its element type is that of the feature map. */
  readonly memory: Memory;
  /** Where in the memory it begins, in bytes. */
  readonly offset: number;
  readonly n: number;
  readonly h: number;
  readonly w: number;
  /** Channels that count. */
  readonly c: number;
  /** Channels in storage, in units of `vec4f`. */
  readonly c4: number;
}

/** The pixels `[from, to)` of a feature map, or a few more on either side. */
export interface Window {
  readonly binding: Binding;
  /**
   * Index, in the whole feature map, of the `vec4f` that the binding starts with. Negative, and to be subtracted modulo
   * 2³², where the feature map begins after it.
   */
  readonly origin: number;
}

/** Bytes of a `vec4f`. */
export const VEC4 = VEC4_BYTES.f32;
/** Bytes of a float, an index, or a pixel of RGBA bytes. */
export const WORD = 4;
/** Bindings start at multiples of this many bytes. */
export const ALIGNMENT = 256;
/** Workgroups in one dimension: what WebGPU guarantees. */
export const MAX_GRID = 65535;

/** Rows of one image of a feature map: a feature map in the same memory. */
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

/** Shows a kernel the words `[first, end)` of an array; `within` is where in the binding they begin. */
export function span(memory: Memory, first: number, end: number): { binding: Binding; within: number } {
  const offset = Math.floor(first * WORD / ALIGNMENT) * ALIGNMENT;
  return { binding: { memory, offset, size: end * WORD - offset }, within: first - offset / WORD };
}

/** All of some memory, where no part of it is given. */
export function asBinding(part: Memory | Binding): Binding {
  if ("memory" in part) return part;
  return { memory: part, offset: 0, size: Math.max(4, part.bytes) };
}

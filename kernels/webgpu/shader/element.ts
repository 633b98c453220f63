/**
 * float16 storage: one source of a kernel for both element types.
 *
 * Kernels compute in float32. A buffer of either type is declared as `array<vec4<X>>`, where `X` is an alias that
 * {@linkcode specialize} defines; it is read as `vec4f(x[i])` and written as `x[i] = stored(value)`.
 *
 * @module
 */

import type { Kernel } from "./pipeline.ts";

/** Element type of a buffer. */
export type Element = "f32" | "f16";

/** Bytes of four elements. */
export const VEC4_BYTES: Readonly<Record<Element, number>> = { f32: 16, f16: 8 };

/** The largest float16, and its bits as a float32. */
const LARGEST = 65504;
const LARGEST_BITS = "0x477fe000u";

/** The buffer that {@linkcode specialize} adds to kernels that write float16: not 0 if a value was out of range. */
export const OVERFLOW = "overflow";

/** Whether all values times `scale` are in the range of float16. */
export function fitsFloat16(values: Float32Array, scale: number): boolean {
  return values.every((value) => Math.abs(value) * scale <= LARGEST);
}

const GENERIC = /var<storage, (read|read_write)> (\w+): array<vec4<([A-Z]\w*)>>/g;

/** Cached sources, by generic source and element types: graphs in bands record the same kernels thousands of times. */
const cache = new Map<string, Map<string, string>>();

/** The kernel for buffers of some element types. */
export function specialize(kernel: Kernel, elements: readonly (readonly [buffer: string, Element])[]): Kernel {
  let sources = cache.get(kernel.source);
  if (!sources) cache.set(kernel.source, sources = new Map());
  const key = elements.join();
  let source = sources.get(key);
  if (source === undefined) sources.set(key, source = fillIn(kernel, new Map(elements)));
  return { ...kernel, source };
}

/** A kernel's source, headed by its element types as aliases. */
function fillIn({ label, source }: Kernel, elements: ReadonlyMap<string, Element>): string {
  const generic = [...source.matchAll(GENERIC)].map(([, access, buffer, alias]) => {
    return { alias, element: elements.get(buffer)!, buffer, writable: access === "read_write" };
  });
  for (const [buffer, element] of elements) {
    if (element === "f32" || generic.some((declared) => declared.buffer === buffer)) continue;
    throw new Error(`Shader ${label}: expected ${buffer} in float32, found float16`);
  }
  const enable = generic.some(({ element }) => element === "f16") ? "enable f16;\n" : "";
  const aliases = generic.map(({ alias, element }) => `alias ${alias} = ${element};\n`).join("");
  const written = generic.find(({ writable }) => writable);
  const tail = written && source.includes("stored(") ? storing(written.element, source) : "";
  return `${enable}${aliases}${source}\n${tail}`;
}

/** `fn stored(v: vec4f)`: the value to write. Checks bits, as compilers may assume that there is no NaN or infinity. */
function storing(element: Element, source: string): string {
  if (element === "f32") return "fn stored(v: vec4f) -> vec4f { return v; }";
  const binding = source.match(/@binding/g)!.length;
  return `
@group(0) @binding(${binding}) var<storage, read_write> ${OVERFLOW}: atomic<u32>;
fn stored(v: vec4f) -> vec4h {
  if (any((bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(${LARGEST_BITS}))) { atomicStore(&${OVERFLOW}, 1u); }
  return vec4h(v);
}`;
}

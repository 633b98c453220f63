/**
 * float16 storage: how one text of a kernel serves both element types.
 *
 * Kernels compute in float32. A buffer that may hold either type is declared as `array<vec4<X>>`, where `X` is a name of
 * the kernel's own; it is read as `vec4f(x[i])` and written as `x[i] = stored(value)`.
 *
 * @module
 */

import type { Kernel } from "./pipeline.ts";

/** Type of the elements of a buffer. */
export type Element = "f32" | "f16";

/** Bytes of four elements. */
export const VEC4_BYTES: Readonly<Record<Element, number>> = { f32: 16, f16: 8 };

/** The greatest float16, and its bits as a float32. */
const GREATEST = 65504;
const GREATEST_BITS = "0x477fe000u";

/** The buffer that {@linkcode specialize} adds to kernels that write float16: not 0 once a value was out of range. */
export const OVERFLOW = "overflow";

/** Whether float16 holds numbers as large as all of these times `scale`. */
export function fitsFloat16(values: Float32Array, scale: number): boolean {
  return values.every((value) => Math.abs(value) * scale <= GREATEST);
}

const GENERIC = /var<storage, (read|read_write)> (\w+): array<vec4<([A-Z]\w*)>>/g;

/** Texts by source, then by element types: graphs in bands record the same kernels thousands of times. */
const specialized = new Map<string, Map<string, string>>();

/** The kernel for buffers of these element types. */
export function specialize(kernel: Kernel, elements: readonly (readonly [buffer: string, Element])[]): Kernel {
  let texts = specialized.get(kernel.source);
  if (!texts) specialized.set(kernel.source, texts = new Map());
  const key = elements.join();
  let source = texts.get(key);
  if (source === undefined) texts.set(key, source = fillIn(kernel, new Map(elements)));
  return { ...kernel, source };
}

/** A kernel's text, headed by the names that it leaves open. */
function fillIn({ label, source }: Kernel, elements: ReadonlyMap<string, Element>): string {
  const generic = [...source.matchAll(GENERIC)].map(([, access, buffer, alias]) => {
    return { alias, element: elements.get(buffer)!, buffer, writable: access === "read_write" };
  });
  for (const [buffer, element] of elements) {
    if (element === "f32" || generic.some((open) => open.buffer === buffer)) continue;
    throw new Error(`Shader ${label} takes ${buffer} as float32, but it is float16`);
  }
  const enable = generic.some(({ element }) => element === "f16") ? "enable f16;\n" : "";
  const aliases = generic.map(({ alias, element }) => `alias ${alias} = ${element};\n`).join("");
  const written = generic.find(({ writable }) => writable);
  const tail = written && source.includes("stored(") ? storing(written.element, source) : "";
  return `${enable}${aliases}${source}\n${tail}`;
}

/** `fn stored(v: vec4f)`: what to write. Looks at the bits, as compilers may take it that there is no NaN or infinity. */
function storing(element: Element, source: string): string {
  if (element === "f32") return "fn stored(v: vec4f) -> vec4f { return v; }";
  const binding = source.match(/@binding/g)!.length;
  return `
@group(0) @binding(${binding}) var<storage, read_write> ${OVERFLOW}: atomic<u32>;
fn stored(v: vec4f) -> vec4h {
  if (any((bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(${GREATEST_BITS}))) { atomicStore(&${OVERFLOW}, 1u); }
  return vec4h(v);
}`;
}

/**
 * Runs the WebAssembly module for work on pixels.
 *
 * @module
 */

import { bytesOfBase64 } from "../../../kernels/host/mod.ts";
import { module } from "./module.gen.ts";

/** The exports of the module; addresses and sizes are in bytes. See assembly/. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  resampleRows(
    source: number,
    out: number,
    rows: number,
    rowBytes: number,
    columns: number,
    bounds: number,
    weights: number,
    stride: number,
  ): void;
  resampleColumns(
    source: number,
    out: number,
    rows: number,
    rowBytes: number,
    bounds: number,
    weights: number,
    stride: number,
  ): void;
  unfilterRows(source: number, out: number, rows: number, rowBytes: number, pixelBytes: number): number;
  lookUpPixels(
    source: number,
    out: number,
    rows: number,
    rowBytes: number,
    columns: number,
    depth: number,
    table: number,
  ): void;
  clipGrayPixels(source: number, out: number, pixels: number): void;
  copyPixels(source: number, out: number, pixels: number, pixelBytes: number, green: number, blue: number): void;
}

/** The functions of an instance, and its memory. */
export type Kernels = Omit<Exports, "memory"> & { readonly bytes: Uint8Array<ArrayBuffer> };

const PAGE = 65536;

/** An instance with more memory is not reused, because memory cannot shrink. */
const KEPT_BYTES = 16 << 20;

let compiled: WebAssembly.Module | undefined;
let kept: Exports | undefined;

/** An instance with at least `size` bytes of memory. The next call may return the same one, so use it synchronously. */
export function kernelsWith(size: number): Kernels {
  compiled ??= new WebAssembly.Module(bytesOfBase64(module));
  const exports = kept ?? new WebAssembly.Instance(compiled).exports as unknown as Exports;
  const { memory } = exports;
  const missing = size - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  kept = memory.buffer.byteLength <= KEPT_BYTES ? exports : undefined;
  return { ...exports, bytes: new Uint8Array(memory.buffer as ArrayBuffer) };
}

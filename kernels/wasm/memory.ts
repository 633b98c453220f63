/**
 * The one WebAssembly memory that all threads share.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import { HEAP } from "./shared.ts";
import { Spans } from "./spans.ts";

const PAGE = 65536;
/** Pages of wasm32's whole address space. */
const MAX_PAGES = 65536;
const MAX_BYTES = MAX_PAGES * PAGE - PAGE;

/** Whole mebibytes, for messages. */
export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

/** A growing memory with an allocator. Views are made anew at each use, because growing may replace the buffer. */
export class Memory {
  /** What the kernels import. */
  memory: WebAssembly.Memory;
  #spans = new Spans(HEAP, (top) => this.#grow(top));
  #weights = 0;
  /** Whether the engine is gone. */
  disposed = false;

  constructor(shared: boolean) {
    this.memory = new WebAssembly.Memory({ initial: HEAP / PAGE, maximum: MAX_PAGES, shared });
  }

  /** Gives the memory back to the system, as soon as no thread holds it any more. */
  dispose(): void {
    this.disposed = true;
    this.memory = new WebAssembly.Memory({ initial: 0 });
  }

  /** Bytes of the memory as it has grown so far. It never shrinks. */
  get bytes(): number {
    return this.memory.buffer.byteLength;
  }

  /** Bytes that weights take, which no run can use. */
  get weights(): number {
    return this.#weights;
  }

  /** The most bytes that a run can have beside the weights. */
  get available(): number {
    return MAX_BYTES - HEAP - this.#weights;
  }

  /** Reserves bytes; see {@linkcode Spans.allocate}. */
  allocate(bytes: number): number {
    return this.#spans.allocate(bytes);
  }

  /** Returns what {@linkcode allocate} reserved. */
  free(address: number): void {
    this.#spans.free(address);
  }

  /** Counts `bytes` among the weights, or with a negative number no longer. */
  countWeights(bytes: number): void {
    this.#weights += bytes;
  }

  /** A view of `length` floats. */
  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }

  /** A view of `length` 32-bit integers. */
  integers(address: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, length);
  }

  /** A view of `length` bytes of pixels. */
  pixels(address: number, length: number): Uint8ClampedArray {
    return new Uint8ClampedArray(this.memory.buffer, address, length);
  }

  #grow(top: number): void {
    const missing = top - this.bytes;
    if (missing <= 0) return;
    const advice = "use smaller pictures or batches, or dispose of tensors";
    if (top > MAX_BYTES) {
      throw new DeviceError(
        `Cannot allocate ${mebibytes(missing)} more: WebAssembly's 4096 MiB hold ${mebibytes(this.bytes)}; ${advice}`,
      );
    }
    try {
      this.memory.grow(Math.ceil(missing / PAGE));
    } catch (cause) {
      throw new DeviceError(
        `Cannot allocate ${mebibytes(missing)} beside ${mebibytes(this.bytes)}: the system refuses; ${advice}`,
        { cause },
      );
    }
  }
}

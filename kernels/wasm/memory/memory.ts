/**
 * The one WebAssembly memory that all threads share.
 *
 * A WebAssembly memory grows, but does not shrink. What a large call leaves behind is given back by moving into a smaller
 * one: everything keeps its address, so what refers to places in the memory need not know.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { HEAP } from "../abi.ts";
import { Spans } from "./allocator.ts";

const PAGE = 65536;
/** Pages of wasm32's whole address space. */
const MAX_PAGES = 65536;
const MAX_BYTES = MAX_PAGES * PAGE - PAGE;

/** Whole mebibytes, for messages. */
export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

/** A memory with an allocator. Views are made anew at each use, because growing may replace the buffer. */
export class Memory {
  /** What the kernels import. */
  memory: WebAssembly.Memory;
  readonly #shared: boolean;
  readonly #spans = new Spans(HEAP, (top) => this.#grow(top));
  #weights = 0;
  /** Whether the engine is gone. */
  disposed = false;

  constructor(shared: boolean) {
    this.#shared = shared;
    this.memory = this.create(HEAP);
  }

  /**
   * Another memory for kernels to import, of at least `bytes` bytes; see {@linkcode moveTo}.
   *
   * @throws {RangeError} if the system refuses
   */
  create(bytes: number): WebAssembly.Memory {
    return new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE), maximum: MAX_PAGES, shared: this.#shared });
  }

  /** Goes on in a smaller memory, which holds all that is in use. The one before is the system's once it is collected. */
  moveTo(smaller: WebAssembly.Memory): void {
    const { byteLength } = smaller.buffer;
    new Uint8Array(smaller.buffer).set(new Uint8Array(this.memory.buffer, 0, byteLength));
    this.memory = smaller;
    this.#spans.shrink(byteLength);
  }

  /** Gives the memory back to the system, as soon as no thread holds it any more. */
  dispose(): void {
    this.disposed = true;
    this.memory = new WebAssembly.Memory({ initial: 0 });
  }

  /** Bytes of the memory as it is now. */
  get bytes(): number {
    return this.memory.buffer.byteLength;
  }

  /** Of those, the bytes in use: what was reserved, and what the kernels always have. */
  get used(): number {
    return HEAP + this.#spans.bytes;
  }

  /** How many bytes the memory had to have since {@linkcode startPeak}. */
  get peak(): number {
    return this.#spans.peak;
  }

  /** Measures {@linkcode peak} anew. */
  startPeak(): void {
    this.#spans.startPeak();
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

/**
 * The WebAssembly memory that all threads share.
 *
 * A WebAssembly memory can grow but not shrink. To release memory after a large call, its contents move to a smaller memory;
 * all addresses stay valid.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { HEAP } from "../abi.ts";
import { Allocator } from "./allocator.ts";

const PAGE = 65536;
/** Pages of wasm32's address space. */
const MAX_PAGES = 65536;
const MAX_BYTES = MAX_PAGES * PAGE - PAGE;

/** Whole mebibytes, for messages. */
export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

/** A memory with an allocator. Create views at each use, because growing may replace the buffer. */
export class Memory {
  /** The memory that the kernels import. */
  memory: WebAssembly.Memory;
  readonly #shared: boolean;
  readonly #allocator = new Allocator(HEAP, (top) => this.#grow(top));
  #weights = 0;
  /** The size that is kept, see {@linkcode reserve}. */
  reserved = 0;
  /** Whether the engine was disposed. */
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

  /** Moves to a smaller memory that holds everything in use. The old one is released when it is collected as garbage. */
  moveTo(smaller: WebAssembly.Memory): void {
    const { byteLength } = smaller.buffer;
    new Uint8Array(smaller.buffer).set(new Uint8Array(this.memory.buffer, 0, byteLength));
    this.memory = smaller;
    this.#allocator.shrink(byteLength);
  }

  /** Releases the memory, as soon as no thread refers to it. */
  dispose(): void {
    this.disposed = true;
    this.memory = new WebAssembly.Memory({ initial: 0 });
  }

  /** Current size in bytes. */
  get bytes(): number {
    return this.memory.buffer.byteLength;
  }

  /** Bytes in use: allocated ones, and those that the kernels always occupy. */
  get used(): number {
    return HEAP + this.#allocator.bytes;
  }

  /** The size that the memory needed since {@linkcode startPeak}. */
  get peak(): number {
    return this.#allocator.peak;
  }

  /** Resets {@linkcode peak}. */
  startPeak(): void {
    this.#allocator.startPeak();
  }

  /** Bytes of the weights, which are not available to runs. */
  get weights(): number {
    return this.#weights;
  }

  /** Grows by `bytes`, which stay. One large step is faster than many: V8 may collect garbage at each. */
  reserve(bytes: number): void {
    this.#grow(HEAP + bytes);
    this.reserved = HEAP + bytes;
  }

  /** The largest number of bytes that a run can use beside the weights. */
  get available(): number {
    return MAX_BYTES - HEAP - this.#weights;
  }

  /** Allocates bytes; see {@linkcode Allocator.allocate}. */
  allocate(bytes: number): number {
    return this.#allocator.allocate(bytes);
  }

  /**
   * Allocates bytes at the end of what is {@linkcode reserve | reserved}: for data on its way, whose pages the system then
   * provides once, and not again wherever the next free place is.
   */
  allocateStaging(bytes: number): number {
    return this.#allocator.allocateLast(bytes, this.reserved);
  }

  /** Frees what {@linkcode allocate} or {@linkcode allocateStaging} returned. */
  free(address: number): void {
    this.#allocator.free(address);
  }

  /** Adds `bytes`, which may be negative, to {@linkcode weights}. */
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

  /** A view of `length` bytes. */
  byteView(address: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, length);
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

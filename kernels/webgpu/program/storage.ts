/**
 * Storage of tensors in the memory of a WebGPU device.
 *
 * @module
 */

import { floatsToPixels, Pixels } from "../../tensor/pixels.ts";
import {
  type DeviceStorage,
  type DType,
  type PixelRange,
  type Shape,
  sizeOf,
  type TensorData,
} from "../../tensor/storage.ts";
import { Tensor, valuesOf } from "../../tensor/tensor.ts";
import type { BufferPool } from "../device/buffer_pool.ts";
import { readBuffer } from "./readback.ts";

/** Converts a tensor to pixels on its device, and copies them to the host. */
export type ReadPixels = (tensor: Tensor, range: PixelRange) => Promise<Uint8ClampedArray<ArrayBuffer>>;

/** A reference-counted buffer that holds the elements of a tensor. */
export class GpuStorage implements DeviceStorage {
  readonly device: GPUDevice;
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  readonly #pool: BufferPool;
  readonly #shape: Shape;
  readonly #dtype: DType;
  readonly #readPixels: ReadPixels;
  #copy: ArrayBuffer | undefined;
  /** Reference count. */
  #references = 1;

  constructor(
    device: GPUDevice,
    pool: BufferPool,
    buffer: GPUBuffer,
    { shape, dtype, readPixels }: { shape: Shape; dtype: DType; readPixels: ReadPixels },
  ) {
    this.device = device;
    this.buffer = buffer;
    this.bytes = 4 * sizeOf(shape);
    this.#pool = pool;
    this.#shape = shape;
    this.#dtype = dtype;
    this.#readPixels = readPixels;
  }

  async readPixels(range: PixelRange): Promise<Uint8ClampedArray<ArrayBuffer>> {
    const shape = this.#shape;
    if (this.#copy) return floatsToPixels(new Float32Array(this.#copy), shape, range);
    this.retain();
    const tensor = new Tensor(this, shape, this.#dtype);
    return await this.#readPixels(tensor, range).finally(() => tensor.dispose()); // releases
  }

  /** Keeps a copy of the elements on the host for later reads. */
  keep(copy: ArrayBuffer): void {
    this.#copy = copy;
  }

  async read(): Promise<TensorData> {
    const bytes = this.#copy?.slice(0) ?? await this.#readBuffer();
    return this.#dtype === "int32" ? new Int32Array(bytes) : new Float32Array(bytes);
  }

  async #readBuffer(): Promise<ArrayBuffer> {
    this.retain();
    try {
      return await readBuffer(this.device, this.#pool, this);
    } finally {
      this.release();
    }
  }

  retain(): void {
    this.#references++;
  }

  release(): void {
    if (--this.#references === 0) this.#pool.release(this.buffer);
  }
}

/** The elements of an input: in memory of this device, or values to upload. */
export type Source = TensorData | Pixels | GpuStorage;

/** The elements of a tensor as an input of a device; those of other devices are copied to the host. */
export async function sourceOf(tensor: Tensor, device: GPUDevice, range: PixelRange | undefined): Promise<Source> {
  const { storage } = tensor;
  return storage instanceof GpuStorage && storage.device === device ? storage : await valuesOf(tensor, range);
}

/** The buffer of a source; values are uploaded to one that `take` returns. */
export function bufferOf(source: Source, device: GPUDevice, take: () => GPUBuffer): GPUBuffer {
  if (source instanceof GpuStorage) return source.buffer;
  const buffer = take();
  device.queue.writeBuffer(buffer, 0, source instanceof Pixels ? source.bytes : source);
  return buffer;
}

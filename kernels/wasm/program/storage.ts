/**
 * Tensors in the engine's memory.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import {
  type DeviceStorage,
  type DType,
  type PixelRange,
  type Shape,
  sizeOf,
  type TensorData,
} from "../../tensor/storage.ts";
import { restore, storedSize } from "../memory/layout.ts";
import { restorePixels } from "./pixels.ts";
import type { Runtime } from "../threads/runtime.ts";

/** One tensor's place. It is freed once it was released and no run reads it any more. */
export class WasmStorage implements DeviceStorage {
  #users = 1;

  constructor(
    readonly runtime: Runtime,
    readonly address: number,
    private readonly shape: Shape,
    private readonly dtype: DType,
  ) {}

  /** Keeps the memory until {@linkcode release} was called once more. */
  retain(): void {
    this.#users++;
  }

  release(): void {
    if (--this.#users === 0) this.runtime.memory.free(this.address);
  }

  // deno-lint-ignore require-await
  async readPixels(range: PixelRange): Promise<Uint8ClampedArray<ArrayBuffer>> {
    this.#checkAlive();
    const { memory, pool } = this.runtime;
    return restorePixels(this.address, this.shape, range, memory, pool.kernels());
  }

  // deno-lint-ignore require-await
  async read(): Promise<TensorData> {
    this.#checkAlive();
    const { memory } = this.runtime;
    const length = storedSize(this.shape);
    if (this.dtype === "int32") return new Int32Array(memory.integers(this.address, length));
    const stored = memory.floats(this.address, length);
    if (this.shape.length !== 4) return new Float32Array(stored);
    const data = new Float32Array(sizeOf(this.shape));
    restore(stored, data, this.shape);
    return data;
  }

  #checkAlive(): void {
    if (this.runtime.memory.disposed) throw new DeviceError("Cannot read a tensor: its engine was disposed");
  }
}

/**
 * Storage of tensors in the engine's memory.
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

/** The storage of one tensor, with a reference count: it is freed once it is released and no run reads it. */
export class WasmStorage implements DeviceStorage {
  #references = 1;

  constructor(
    readonly runtime: Runtime,
    readonly address: number,
    private readonly shape: Shape,
    private readonly dtype: DType,
  ) {}

  retain(): void {
    this.#references++;
  }

  release(): void {
    if (--this.#references === 0) this.runtime.memory.free(this.address);
  }

  // deno-lint-ignore require-await
  async readPixels(range: PixelRange): Promise<Uint8ClampedArray<ArrayBuffer>> {
    this.#checkUsable();
    const { memory, pool } = this.runtime;
    return restorePixels(this.address, this.shape, range, memory, pool.kernels());
  }

  // deno-lint-ignore require-await
  async read(): Promise<TensorData> {
    this.#checkUsable();
    const { memory } = this.runtime;
    const length = storedSize(this.shape);
    if (this.dtype === "int32") return new Int32Array(memory.integers(this.address, length));
    const stored = memory.floats(this.address, length);
    if (this.shape.length !== 4) return new Float32Array(stored);
    const data = new Float32Array(sizeOf(this.shape));
    restore(stored, data, this.shape);
    return data;
  }

  #checkUsable(): void {
    if (this.runtime.memory.disposed) throw new DeviceError("Cannot read a tensor: its engine was disposed");
  }
}

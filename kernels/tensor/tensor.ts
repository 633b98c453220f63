/**
 * Tensors: an array with a shape, on the host or on a device.
 *
 * @module
 */

import { DISPOSE } from "../host/dispose.ts";
import { floatsToPixels, Pixels } from "./pixels.ts";
import { type DeviceStorage, type DType, type PixelRange, type Shape, sizeOf, type TensorData } from "./storage.ts";

/**
 * Releases the memory of tensors that are garbage-collected without having been disposed. Reads and runs in progress
 * hold references of their own to the memory, so it is not released too early.
 */
const abandoned = new FinalizationRegistry<DeviceStorage>((storage) => storage.release());

/**
 * A dense, row-major tensor. Pictures and latents are NCHW.
 *
 * A tensor made by `new Tensor(data, shape)` is on the host. One that a model returns stays on the model's device until
 * {@linkcode Tensor.data} is awaited; passed back to the model, it is not copied at all. Device memory is freed by
 * {@linkcode Tensor.dispose} or `using`, otherwise when the tensor is garbage-collected.
 *
 * @example
 * ```ts
 * import { Tensor } from "@codebook/vqmodel";
 * import { assertEquals } from "@std/assert";
 *
 * using picture = new Tensor(new Float32Array(3 * 8 * 8), [1, 3, 8, 8]);
 * assertEquals(picture.size, 192);
 * assertEquals((await picture.data()).length, 192);
 * ```
 */
export class Tensor {
  /** Sizes of each dimension; NCHW for pictures and latents. */
  readonly shape: Shape;
  /** Element type. */
  readonly dtype: DType;
  #storage: TensorData | DeviceStorage | undefined;

  /**
   * A host tensor. `data` is not copied: do not change it until the calls that take the tensor have returned.
   *
   * @throws {TypeError} if `data` is neither a `Float32Array` nor an `Int32Array`, or a side is not a whole number ≥ 0
   * @throws {RangeError} if `data` does not have as many elements as `shape`
   */
  constructor(data: Float32Array | Int32Array, shape: Shape);
  /** A tensor over an engine's memory. For engines. */
  constructor(storage: DeviceStorage, shape: Shape, dtype: DType);
  constructor(data: Float32Array | Int32Array | DeviceStorage, shape: Shape, dtype?: DType) {
    const storage = data as TensorData | DeviceStorage; // engines read shared memory like any other
    if (!Array.isArray(shape)) {
      throw new TypeError(`Cannot create a tensor: shape must be a list such as [1, 3, 256, 256], found ${shape}`);
    }
    for (const side of shape) {
      if (!Number.isSafeInteger(side) || side < 0) {
        throw new TypeError(`Cannot create a tensor: shape [${shape}] must hold whole numbers ≥ 0`);
      }
    }
    this.shape = Object.freeze([...shape]);
    this.dtype = dtype ?? hostDType(storage as TensorData);
    if (!dtype && (storage as TensorData).length !== this.size) {
      throw new RangeError(
        `Cannot create a tensor: shape [${shape}] has ${this.size} elements, data has ${
          (storage as TensorData).length
        }`,
      );
    }
    this.#storage = storage;
    if (ownsMemory(storage)) abandoned.register(this, storage, this);
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Whether {@linkcode Tensor.dispose} was called. */
  get disposed(): boolean {
    return this.#storage === undefined;
  }

  /** The typed array of a host tensor, an engine's storage otherwise. For engines. */
  get storage(): TensorData | DeviceStorage {
    if (this.#storage === undefined) {
      throw new TypeError(`Cannot use a tensor of shape [${this.shape}]: it was disposed`);
    }
    if (ArrayBuffer.isView(this.#storage) && this.#storage.length !== this.size) {
      throw new TypeError(
        `Cannot use a tensor of shape [${this.shape}]: its array has ${this.#storage.length} elements now; was it ` +
          "transferred to a worker?",
      );
    }
    return this.#storage;
  }

  /**
   * The elements on the host, row-major: a `Float32Array`, or an `Int32Array` where `dtype` is `"int32"`.
   * A device tensor is copied anew on each call; a host tensor returns its own array.
   *
   * @throws {TypeError} if the tensor was disposed
   */
  async data(): Promise<TensorData> {
    const storage = this.storage;
    if (ArrayBuffer.isView(storage)) return storage;
    if (storage instanceof Pixels) return this.#storage = storage.floats(); // the caller may change these
    return await storage.read();
  }

  /** Frees the device memory. Disposing twice is harmless; using the tensor afterwards is a `TypeError`. */
  dispose(): void {
    const storage = this.#storage;
    this.#storage = undefined;
    if (storage === undefined || !ownsMemory(storage)) return;
    abandoned.unregister(this);
    storage.release();
  }

  /** {@linkcode Tensor.dispose}, for `using`. */
  [DISPOSE](): void {
    this.dispose();
  }
}

/** The pixels of a tensor `[n, 3 or 1, h, w]`, see {@linkcode floatsToPixels}: computed on its device where it can. */
export async function readPixels(tensor: Tensor, range: PixelRange): Promise<Uint8ClampedArray<ArrayBuffer>> {
  const { storage, shape } = tensor;
  if (!ArrayBuffer.isView(storage) && storage.readPixels) return await storage.readPixels(range);
  return floatsToPixels(await tensor.data(), shape, range);
}

/** What to upload of a tensor: its pixels if `wanted` and available, otherwise its elements. */
export async function valuesOf(tensor: Tensor, wanted: PixelRange | undefined): Promise<TensorData | Pixels> {
  const { storage } = tensor;
  return wanted && storage instanceof Pixels ? storage : await tensor.data();
}

/** Whether a storage holds memory of an engine. */
function ownsMemory(storage: TensorData | DeviceStorage): storage is DeviceStorage {
  return !ArrayBuffer.isView(storage) && !(storage instanceof Pixels);
}

function hostDType(data: TensorData): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Int32Array) return "int32";
  throw new TypeError(
    `Cannot create a tensor: data must be a Float32Array or an Int32Array, found ${
      Object.prototype.toString.call(data).slice(8, -1)
    }`,
  );
}

/**
 * Element types, shapes, and the storage of a tensor's elements.
 *
 * @module
 */

/** Element types of a {@linkcode Tensor}. */
export type DType = "float32" | "float16" | "int32";

/** Sizes of each dimension, outermost first. Pictures and latents are NCHW: `[batch, channels, height, width]`. */
export type Shape = readonly number[];

/** The typed array that holds elements of a {@linkcode Tensor} on the host. */
export type TensorData = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/** The floats that the bytes 0 to 255 stand for: `"unit"` is 0 to 1, `"signed"` is -1 to 1. */
export type PixelRange = "unit" | "signed";

/** Where a tensor's elements are when they are not in a typed array: memory owned by an engine, or pixels. */
export interface DeviceStorage {
  /** Copies the elements to the host. */
  read(): Promise<TensorData>;
  /** Copies pictures to the host as RGBA bytes, see {@linkcode floatsToPixels}. Missing if the engine cannot. */
  readPixels?(range: PixelRange): Promise<Uint8ClampedArray<ArrayBuffer>>;
  /** Adds a reference, which {@linkcode release} removes. */
  retain(): void;
  /** Removes a reference. The last one returns the memory to its engine. */
  release(): void;
}

/** Number of elements of a shape. The empty shape, a scalar, has one. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, side) => product * side, 1);
}

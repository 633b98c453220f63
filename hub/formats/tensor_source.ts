/**
 * Named tensors whose elements are read one tensor at a time.
 *
 * @module
 */

import { countElements, ELEMENT_TYPES, type Widen } from "./element_types.ts";
import { WeightsError } from "../errors.ts";
import { showText } from "../show.ts";

/** Element type and shape of a tensor. */
export interface TensorInfo {
  /** Element type in the file, by its safetensors name: `"F32"`, `"F16"`, `"BF16"`, `"I64"`, … */
  readonly dtype: string;
  /** Sizes of each dimension, outermost first. */
  readonly shape: readonly number[];
}

/** The names of the element types that are converted to float32. */
export type FloatType = "F64" | "F32" | "F16" | "BF16";

/** A tensor whose elements are bytes in a file, which are read when and where they are needed. */
export interface StoredTensor {
  /** Element type, by its safetensors name. Elements are little-endian and row-major. */
  readonly dtype: FloatType;
  /** Number of elements. */
  readonly length: number;
  /**
   * Fills `target`, which may be shared memory, with the tensor's bytes from `offset` on.
   *
   * @throws {WeightsError} if the file is damaged
   */
  readInto(target: Uint8Array, offset: number): Promise<void>;
  /** The same as {@linkcode TensorSource.read}. */
  read(): Promise<Float32Array<ArrayBuffer>>;
}

/** The tensors of a weight file, or of several that belong together. */
export interface TensorSource {
  /** The tensors by name. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** The names of further tensors, in files that were not opened since nothing in them is needed. By default none. */
  readonly unopened?: readonly string[];
  /**
   * Reads the elements of one tensor, row-major and converted to float32, into a new array.
   *
   * @throws {WeightsError} if there is no such tensor, its elements are not floating-point numbers, or the file is damaged
   */
  read(name: string): Promise<Float32Array<ArrayBuffer>>;
  /**
   * The bytes of one tensor, to be read directly to where they are needed. Absent, or `undefined`, where the elements have
   * to be unpacked, reordered or computed.
   *
   * @throws {WeightsError} as {@linkcode TensorSource.read} does
   */
  stored?(name: string): StoredTensor | undefined;
  /**
   * Announces which tensors will be read, once each; by default all of them. Call it before the first read: a compressed
   * archive is then unpacked only as far as necessary, and tensors that share a part of it are read together.
   */
  expect?(names: Iterable<string>): void;
  /** Closes the files. Closing twice is harmless. */
  close(): Promise<void>;
}

/** What {@linkcode tensorSource} needs from the reader of a file format. */
export interface TensorFile<T extends TensorInfo> {
  /** Name of the file in messages. */
  readonly name: string;
  /** The tensors by name, with what the format needs to find their elements. */
  readonly tensors: ReadonlyMap<string, T>;
  /** Reads the elements of a tensor. */
  load(tensor: T, widen: Widen): Promise<Float32Array<ArrayBuffer>>;
  /** Fills `target` with the bytes of a tensor from `offset` on. Absent if they are not stored as they are. */
  readInto?(tensor: T, target: Uint8Array, offset: number): Promise<void>;
  /** See {@linkcode TensorSource.expect}. */
  expect?(names: Iterable<string>): void;
  /** Closes the file. */
  close(): Promise<void>;
}

/** The tensors of one file. */
export function tensorSource<T extends TensorInfo>(file: TensorFile<T>): TensorSource {
  const tensors = new Map<string, TensorInfo>();
  for (const [name, { dtype, shape }] of file.tensors) tensors.set(name, { dtype, shape });

  function find(name: string): { tensor: T; widen: Widen } {
    const tensor = file.tensors.get(name);
    if (!tensor) throw noSuchTensor(name, file.name);
    const widen = ELEMENT_TYPES.get(tensor.dtype)?.widen;
    if (widen) return { tensor, widen };
    throw new WeightsError(
      `Cannot read tensor ${
        showText(name)
      } of ${file.name}: expected F32, F16, BF16 or F64 elements, found ${tensor.dtype}`,
    );
  }

  async function read(name: string): Promise<Float32Array<ArrayBuffer>> {
    const { tensor, widen } = find(name);
    return await file.load(tensor, widen);
  }

  return {
    tensors,
    read,
    stored(name) {
      const { tensor } = find(name);
      return file.readInto && {
        dtype: tensor.dtype as FloatType,
        length: countElements(tensor.shape)!,
        readInto: (target, offset) => file.readInto!(tensor, target, offset),
        read: () => read(name),
      };
    },
    expect: (names) => file.expect?.(names),
    close: () => file.close(),
  };
}

/** The error for a tensor that a file does not contain. */
export function noSuchTensor(tensor: string, file: string): WeightsError {
  return new WeightsError(`Cannot read tensor ${showText(tensor)}: ${file} does not hold it`);
}

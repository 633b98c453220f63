/**
 * Named tensors whose elements are read one tensor at a time.
 *
 * @module
 */

import { ELEMENT_TYPES, type Widen } from "./element_types.ts";
import { WeightsError } from "../errors.ts";
import { showText } from "../show.ts";

/** Element type and shape of a tensor. */
export interface TensorInfo {
  /** Element type in the file, by its safetensors name: `"F32"`, `"F16"`, `"BF16"`, `"I64"`, … */
  readonly dtype: string;
  /** Sizes of each dimension, outermost first. */
  readonly shape: readonly number[];
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
  /** See {@linkcode TensorSource.expect}. */
  expect?(names: Iterable<string>): void;
  /** Closes the file. */
  close(): Promise<void>;
}

/** The tensors of one file. */
export function tensorSource<T extends TensorInfo>(file: TensorFile<T>): TensorSource {
  const tensors = new Map<string, TensorInfo>();
  for (const [name, { dtype, shape }] of file.tensors) tensors.set(name, { dtype, shape });
  return {
    tensors,
    async read(name) {
      const tensor = file.tensors.get(name);
      if (!tensor) throw noSuchTensor(name, file.name);
      const widen = ELEMENT_TYPES.get(tensor.dtype)?.widen;
      if (!widen) {
        throw new WeightsError(
          `Cannot read tensor ${
            showText(name)
          } of ${file.name}: expected F32, F16, BF16 or F64 elements, found ${tensor.dtype}`,
        );
      }
      return await file.load(tensor, widen);
    },
    expect: (names) => file.expect?.(names),
    close: () => file.close(),
  };
}

/** The error for a tensor that a file does not contain. */
export function noSuchTensor(tensor: string, file: string): WeightsError {
  return new WeightsError(`Cannot read tensor ${showText(tensor)}: ${file} does not hold it`);
}

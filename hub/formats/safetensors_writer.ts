/**
 * Writes safetensors files, one tensor at a time.
 *
 * @module
 */

import { countElements, ELEMENT_TYPES } from "./element_types.ts";
import { WeightsError } from "../errors.ts";
import { reasonOf, show, showText } from "../show.ts";
import { writeAtomically } from "../system/atomic_write.ts";
import { isRefusal, isSystemError } from "../system/system_errors.ts";
import type { TensorInfo } from "./tensor_source.ts";

/** A tensor's name, element type and shape. */
export interface NamedTensorInfo extends TensorInfo {
  /** The tensor's name, e.g. `"encoder.conv_in.weight"`. */
  readonly name: string;
}

/** A tensor to write. */
export interface TensorToWrite extends NamedTensorInfo {
  /** Returns the elements, row-major, of type `dtype`. Called once, when the tensor is written. */
  data(): ArrayBufferView<ArrayBuffer> | Promise<ArrayBufferView<ArrayBuffer>>;
}

/** Metadata that Diffusers and Transformers require. */
const DEFAULT_METADATA: Readonly<Record<string, string>> = { format: "pt" };

/**
 * Writes tensors to a safetensors file, one at a time. The file is replaced atomically.
 *
 * @example
 * ```ts
 * import { openFile, openSafetensors, writeSafetensors } from "@codebook/vqmodel/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${await Deno.makeTempDir()}/model.safetensors`;
 * await writeSafetensors(path, [{ name: "bias", dtype: "F32", shape: [2], data: () => Float32Array.of(1, 2) }]);
 *
 * const tensors = await openSafetensors(await openFile(path));
 * assertEquals(await tensors.read("bias"), Float32Array.of(1, 2));
 * await tensors.close();
 * ```
 *
 * @param metadata the header's `__metadata__`; Diffusers requires the default, `{ format: "pt" }`
 * @throws {TypeError} if two tensors have the same name, or a dtype or shape is not valid
 * @throws {RangeError} if a tensor's data do not have as many bytes as its shape and dtype need
 * @throws {WeightsError} if the file cannot be written
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<TensorToWrite>,
  metadata: Readonly<Record<string, string>> = DEFAULT_METADATA,
): Promise<void> {
  try {
    await writeAtomically(path, safetensorsChunks(tensors, metadata));
  } catch (cause) {
    if (!isSystemError(cause) && !isRefusal(cause)) throw cause;
    throw new WeightsError(`Cannot write ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Yields the bytes of a safetensors file in order: its header, then each tensor. For other destinations than those of
 * {@linkcode writeSafetensors}.
 *
 * @throws {TypeError} if two tensors have the same name, or a dtype or shape is not valid
 * @throws {RangeError} if a tensor's data do not have as many bytes as its shape and dtype need
 */
export async function* safetensorsChunks(
  tensors: Iterable<TensorToWrite>,
  metadata: Readonly<Record<string, string>> = DEFAULT_METADATA,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const inOrder = inFileOrder(tensors);
  yield encodeSafetensorsHeader(inOrder, metadata);
  for (const tensor of inOrder) {
    const data = await tensor.data();
    const expected = bytesOf(tensor);
    if (data.byteLength !== expected) {
      throw new RangeError(
        `Cannot write tensor ${showText(tensor.name)}: shape ${
          show(tensor.shape)
        } of ${tensor.dtype} takes ${expected} bytes, ` +
          `found ${data.byteLength}`,
      );
    }
    yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
}

/**
 * Encodes everything before the tensors' bytes: the header's length, and the header padded with spaces to a multiple of
 * eight bytes. Tensors are sorted by element size, largest first, which aligns them all, and then by name.
 *
 * @throws {TypeError} if two tensors have the same name, or a dtype or shape is not valid
 */
export function encodeSafetensorsHeader(
  tensors: Iterable<NamedTensorInfo>,
  metadata: Readonly<Record<string, string>> = DEFAULT_METADATA,
): Uint8Array<ArrayBuffer> {
  const header = new Map<string, unknown>([["__metadata__", metadata]]);
  let end = 0;
  for (const tensor of inFileOrder(tensors)) {
    const { name, dtype, shape } = tensor;
    if (header.has(name)) throw new TypeError(`Cannot write tensor ${showText(name)}: there is another of that name`);
    const begin = end;
    end += bytesOf(tensor);
    header.set(name, { dtype, shape, data_offsets: [begin, end] });
  }
  // Not from an object, which would move names that look like numbers to the front.
  const fields = [...header].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const text = new TextEncoder().encode(`{${fields.join(",")}}`);

  const bytes = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true);
  bytes.set(text, 8);
  return bytes;
}

/** Sorts tensors by element size, largest first, then by name. */
function inFileOrder<T extends NamedTensorInfo>(tensors: Iterable<T>): T[] {
  const width = ({ dtype }: T) => ELEMENT_TYPES.get(dtype)?.bytes ?? 0;
  return [...tensors].sort((a, b) => width(b) - width(a) || (a.name < b.name ? -1 : 1));
}

/** Size of a tensor in a file, in bytes. */
export function bytesOf({ name, dtype, shape }: NamedTensorInfo): number {
  const element = ELEMENT_TYPES.get(dtype);
  const elements = countElements(shape);
  if (!element) {
    throw new TypeError(
      `Cannot write tensor ${showText(name)}: expected a safetensors dtype, found ${showText(`${dtype}`)}`,
    );
  }
  if (elements === undefined) {
    throw new TypeError(`Cannot write tensor ${showText(name)}: shape ${show(shape)} must hold whole numbers ≥ 0`);
  }
  return elements * element.bytes;
}

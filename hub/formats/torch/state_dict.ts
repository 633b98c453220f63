/**
 * The tensors of a state dict in a torch file of any format.
 *
 * @module
 */

import type { ByteSource, Span } from "../byte_source.ts";
import { ELEMENT_TYPES, type Widen } from "../element_types.ts";
import { WeightsError } from "../../errors.ts";
import { showText } from "../../show.ts";
import { elementsSpanned, toRowMajor } from "./strided.ts";
import { type TensorSource, tensorSource } from "../tensor_source.ts";
import { type TorchStorage, TorchTensor } from "./objects.ts";

/** Reads the bytes of a storage. */
export interface StorageReader {
  /** Announces all spans that will be read, before the first one is: parts that several tensors share are unpacked once. */
  expect(spans: readonly Span[]): void;
  /** Reads a span into a new buffer. */
  read(span: Span): Promise<Uint8Array<ArrayBuffer>>;
}

/** The object in a file of `torch.save`. */
export interface TorchFile {
  /** The object: tensors as {@linkcode TorchTensor}s, dictionaries as `Map`s. */
  readonly value: unknown;
  /** Finds the storage of a tensor in `value`. Throws a {@linkcode WeightsError} if none has the right size. */
  readonly openStorage: (storage: TorchStorage) => StorageReader;
  /** Finds the bytes of a storage in the file. Absent if they need no announcement. */
  readonly placeOf?: (storage: TorchStorage) => Span;
}

/** A tensor and the reader of its storage. */
interface Stored {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly view: TorchTensor;
  readonly reader: StorageReader;
}

/** Regular pickles have a few hundred bytes per tensor. */
export const MAX_PICKLE_SIZE = 64 * 1024 * 1024;

/**
 * Where training code keeps the state dict in its checkpoint, the preferred one first: LlamaGen, which writes all three,
 * prefers the average of the weights to the weights themselves. Lightning's is `state_dict`.
 */
const STATE_DICT_KEYS = ["ema", "model", "state_dict"];

/**
 * The tensors by name of a state dict, or of a checkpoint with one under `ema`, `model` or `state_dict`. Other values are
 * ignored.
 *
 * @param value the object in the file
 * @param name name of the file in messages
 * @throws {WeightsError} if there is no tensor
 */
function stateDictOf(value: unknown, name: string): Map<string, TorchTensor> {
  if (!(value instanceof Map)) throw new WeightsError(`Cannot read ${name}: expected a dictionary of tensors`);
  for (const candidate of [...STATE_DICT_KEYS.map((key) => value.get(key)), value]) {
    const tensors = tensorsOf(candidate);
    if (tensors.size > 0) return tensors;
  }
  const keys = [...value.keys()].filter((key) => typeof key === "string").slice(0, 12).map((key) => showText(key, 50));
  throw new WeightsError(
    `Cannot read ${name}: expected a dictionary of tensors by name, found none among its values (${
      keys.join(", ") || "no names"
    }). Save only the state dict`,
  );
}

function tensorsOf(state: unknown): Map<string, TorchTensor> {
  const items = state instanceof Map ? [...state] : [];
  return new Map(items.filter(([key, value]) => typeof key === "string" && value instanceof TorchTensor));
}

/**
 * Opens the state dict of a file. Closing the result closes `source`.
 *
 * @throws {WeightsError} if there is none
 */
export function torchTensorSource(source: ByteSource, { value, openStorage, placeOf }: TorchFile): TensorSource {
  const tensors = new Map<string, Stored>();
  for (const [key, view] of stateDictOf(value, source.name)) {
    const { storage, shape } = view;
    tensors.set(key, { dtype: storage.dtype, shape, view, reader: openStorage(storage) });
  }
  expectTensors(tensors, tensors.keys());
  const expect = (names: Iterable<string>) => {
    const expected = [...names];
    expectTensors(tensors, expected);
    const storages = expected.flatMap((name) => tensors.get(name)?.view.storage ?? []);
    if (placeOf) source.expect?.(storages.map(placeOf));
  };
  return tensorSource({ name: source.name, tensors, load, expect, close: () => source.close() });
}

/** Announces to storages the spans of some tensors. */
function expectTensors(tensors: ReadonlyMap<string, Stored>, names: Iterable<string>): void {
  const spans = new Map<StorageReader, Span[]>();
  for (const { reader } of tensors.values()) spans.set(reader, []);
  for (const name of names) {
    const tensor = tensors.get(name);
    if (tensor) spans.get(tensor.reader)!.push(spanOf(tensor.view));
  }
  for (const [reader, parts] of spans) reader.expect(parts);
}

/** The bytes of the storage from a tensor's first element to its last. */
export function spanOf(view: TorchTensor): Span {
  const { bytes } = ELEMENT_TYPES.get(view.storage.dtype)!;
  return { begin: view.offset * bytes, end: (view.offset + elementsSpanned(view)) * bytes };
}

/** Reads the part of the storage that a tensor spans, and orders its elements. */
async function load({ view, reader }: Stored, widen: Widen): Promise<Float32Array<ArrayBuffer>> {
  return toRowMajor(widen(await reader.read(spanOf(view))), view);
}

/**
 * What the pickle in a torch file may be made of: tensors, storages, ordered dictionaries. Anything else is refused by
 * name.
 *
 * @module
 */

import { countElements } from "./element_types.ts";
import { WeightsError } from "./errors.ts";
import type { PickleHost } from "./pickle.ts";
import { elementsSpanned, type Strided } from "./strided.ts";

/** A block of memory that tensors are views of. */
export class TorchStorage {
  /** Element type, by its safetensors name. */
  readonly dtype: string;
  /** The entry in the archive's `data` folder. */
  readonly key: string;
  /** How many elements it has. */
  readonly length: number;

  /** A storage of `length` elements. */
  constructor(dtype: string, key: string, length: number) {
    this.dtype = dtype;
    this.key = key;
    this.length = length;
  }
}

/** A tensor: a view of a storage. */
export class TorchTensor implements Strided {
  /** The memory it is a view of. */
  readonly storage: TorchStorage;
  /** @ignore */
  readonly offset: number;
  /** @ignore */
  readonly shape: readonly number[];
  /** @ignore */
  readonly strides: readonly number[];

  /** A view of `storage`. */
  constructor(storage: TorchStorage, { offset, shape, strides }: Strided) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** The element type of a storage, as the pickle names it. */
class StorageType {
  readonly dtype: string;

  constructor(dtype: string) {
    this.dtype = dtype;
  }
}

const STORAGE_TYPES: ReadonlyMap<string, string> = new Map([
  ["DoubleStorage", "F64"],
  ["FloatStorage", "F32"],
  ["HalfStorage", "F16"],
  ["BFloat16Storage", "BF16"],
  ["LongStorage", "I64"],
  ["IntStorage", "I32"],
  ["ShortStorage", "I16"],
  ["CharStorage", "I8"],
  ["ByteStorage", "U8"],
  ["BoolStorage", "BOOL"],
  ["ComplexFloatStorage", "C64"],
]);

/** Torch allows no more dimensions. */
const MOST_DIMENSIONS = 64;
/** A tensor with strides of 0 may have more elements than its storage, but no more than this (256 MiB of float32). */
const MOST_EXPANDED = 2 ** 26;

/** Gives a pickle the globals that tensors need. */
export class TorchHost implements PickleHost {
  readonly #name: string;

  /** `name` is what the pickle is called in messages. */
  constructor(name: string) {
    this.#name = name;
  }

  /** {@inheritDoc PickleHost.global} */
  global(module: string, name: string): unknown {
    const dtype = module === "torch" && STORAGE_TYPES.get(name);
    if (dtype) return new StorageType(dtype);
    switch (`${module}.${name}`) {
      case "collections.OrderedDict":
        return () => new Map();
      case "torch._utils._rebuild_tensor_v2":
        return (args: readonly unknown[]) => this.#tensor(args);
      case "torch._utils._rebuild_parameter":
        return (args: readonly unknown[]) => this.#parameter(args);
    }
    throw new WeightsError(
      `Cannot read ${this.#name}: it needs ${module}.${name}, which is refused: only tensors, storages and ordered ` +
        "dictionaries are read. If you trust the file, save its state dict as safetensors",
    );
  }

  /** {@inheritDoc PickleHost.persistent} */
  persistent(id: unknown): TorchStorage {
    const [kind, type, key, , length] = Array.isArray(id) ? id : [];
    if (kind !== "storage" || !(type instanceof StorageType) || typeof key !== "string" || !isWhole(length)) {
      throw this.#fail("expected a reference to a storage, found something else");
    }
    return new TorchStorage(type.dtype, key, length);
  }

  /** `_rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks)` */
  #tensor([storage, offset, shape, strides]: readonly unknown[]): TorchTensor {
    if (!(storage instanceof TorchStorage) || !isWhole(offset) || !isSides(shape) || !isSides(strides)) {
      throw this.#fail("a tensor is described by something else than a storage, an offset, a shape and strides");
    }
    const view = { offset, shape: [...shape], strides: [...strides] };
    const count = countElements(shape);
    if (shape.length !== strides.length || count === undefined) {
      throw this.#fail(`a tensor's shape [${shape}] does not fit its strides [${strides}]`);
    }
    if (offset + elementsSpanned(view) > storage.length) {
      throw this.#fail(
        `a tensor of shape [${shape}], strides [${strides}] at ${offset} leaves its storage of ${storage.length} elements`,
      );
    }
    if (count > Math.max(storage.length, MOST_EXPANDED)) {
      throw this.#fail(`a tensor of shape [${shape}] expands a storage of only ${storage.length} elements`);
    }
    return new TorchTensor(storage, view);
  }

  /** `_rebuild_parameter(data, requires_grad, backward_hooks)` */
  #parameter([data]: readonly unknown[]): TorchTensor {
    if (!(data instanceof TorchTensor)) throw this.#fail("a parameter is made of something else than a tensor");
    return data;
  }

  #fail(problem: string): WeightsError {
    return new WeightsError(`Cannot read ${this.#name}: ${problem}. It is damaged; fetch it again`);
  }
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSides(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MOST_DIMENSIONS && value.every(isWhole);
}

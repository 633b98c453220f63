/**
 * What the pickle in a torch file is made of: tensors, storages, dictionaries. Objects of other classes stand for nothing;
 * functions that only a hostile file would call are refused by name.
 *
 * @module
 */

import { countElements } from "../element_types.ts";
import { WeightsError } from "../../errors.ts";
import { Opaque, type PickleHost } from "./pickle.ts";
import { show, showText } from "../../show.ts";
import { elementsSpanned, type Strided } from "./strided.ts";

/** A block of memory that tensors are views of. */
export class TorchStorage {
  /** Element type, by its safetensors name. */
  readonly dtype: string;
  /** What the file finds it by. */
  readonly key: string;
  /** How many elements it has. */
  readonly length: number;
  /** The element that it begins with of all that the file has under the key. */
  readonly begin: number;

  /** A storage of `length` elements. */
  constructor(dtype: string, key: string, length: number, begin = 0) {
    this.dtype = dtype;
    this.key = key;
    this.length = length;
    this.begin = begin;
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

/** Modules that act on the machine. Nothing here would call them, but who sent such a file means harm: say so. */
const ACTING_MODULES = new Set(
  "os posix nt subprocess commands sys shutil socket ctypes importlib imp runpy code pdb pty webbrowser pip".split(" "),
);
/** What checkpoints need of Python's own names. */
const PLAIN_BUILTINS = new Set(
  ("bool int long float complex str unicode bytes bytearray list tuple dict set frozenset range xrange slice object " +
    "getattr").split(" "),
);

/** Keys are numbers; many tensors may share one. */
const LONGEST_KEY = 200;
/** Torch allows no more dimensions. */
const MOST_DIMENSIONS = 64;
/** A tensor with strides of 0 may have more elements than its storage, but no more than this (256 MiB of float32). */
const MOST_EXPANDED = 2 ** 26;
/** A tensor may lie spread over so many times the memory that its elements take, or over 16 MiB of float32. */
const MOST_SPREAD = 16;
const ANY_SPREAD = 2 ** 22;

/** Gives a pickle the globals that tensors need. */
export class TorchHost implements PickleHost {
  /** Every storage that the pickle referred to, whole, by its key. */
  readonly storages: Map<string, TorchStorage> = new Map();
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
        return orderedDict;
      case "collections.defaultdict":
        return () => new Map();
      case "torch._utils._rebuild_tensor": // torch before 0.4
      case "torch._utils._rebuild_tensor_v2":
        return (args: readonly unknown[]) => this.#tensor(args);
      case "torch._utils._rebuild_parameter":
      case "torch._utils._rebuild_parameter_with_state":
        return (args: readonly unknown[]) => this.#parameter(args);
    }
    const isBuiltin = module === "builtins" || module === "__builtin__";
    if (ACTING_MODULES.has(module.split(".")[0]) || isBuiltin && !PLAIN_BUILTINS.has(name)) {
      throw new WeightsError(
        `Cannot read ${this.#name}: it needs ${
          showText(`${module}.${name}`)
        }, which is refused: no weights need it, and ` +
          "it may do harm where Python opens the file. If you trust the file, save its state dict as safetensors",
      );
    }
    return new Opaque(`${module}.${name}`);
  }

  /** {@inheritDoc PickleHost.persistent} */
  persistent(id: unknown): TorchStorage | Opaque {
    const [kind, type, key, , length, view] = Array.isArray(id) ? id : [];
    if (kind === "storage" && type instanceof Opaque) return type;
    const isKnown = kind === "storage" && type instanceof StorageType && typeof key === "string" && isWhole(length);
    if (!isKnown || key.length > LONGEST_KEY) {
      throw this.#fail("expected a reference to a storage, found something else");
    }
    const whole = this.storages.get(key) ?? new TorchStorage(type.dtype, key, length);
    if (whole.dtype !== type.dtype || whole.length !== length) {
      throw this.#fail(`storage ${showText(key)} has two types or lengths`);
    }
    this.storages.set(key, whole);
    return Array.isArray(view) ? this.#view(whole, view) : whole;
  }

  /** A part of a storage, as torch before 0.4 shared memory: `(key, offset, length)`. */
  #view({ dtype, key, length: most }: TorchStorage, [, offset, length]: readonly unknown[]): TorchStorage {
    if (!isWhole(offset) || !isWhole(length) || offset + length > most) {
      throw this.#fail(`a part of storage ${showText(key)} leaves its ${most} elements`);
    }
    return new TorchStorage(dtype, key, length, offset);
  }

  /** `_rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks)` */
  #tensor([storage, offset, shape, strides]: readonly unknown[]): TorchTensor | Opaque {
    if (storage instanceof Opaque) return storage;
    if (!(storage instanceof TorchStorage) || !isWhole(offset) || !isSides(shape) || !isSides(strides)) {
      throw this.#fail("a tensor is described by something else than a storage, an offset, a shape and strides");
    }
    const view = { offset, shape: [...shape], strides: [...strides] };
    const count = countElements(shape);
    if (shape.length !== strides.length || count === undefined) {
      throw this.#fail(`a tensor's shape ${show(shape)} does not fit its strides ${show(strides)}`);
    }
    if (offset + elementsSpanned(view) > storage.length) {
      throw this.#fail(
        `a tensor of shape ${show(shape)}, strides ${
          show(strides)
        } at ${offset} leaves its storage of ${storage.length} elements`,
      );
    }
    if (count > Math.max(storage.length, MOST_EXPANDED)) {
      throw this.#fail(`a tensor of shape ${show(shape)} expands a storage of only ${storage.length} elements`);
    }
    if (elementsSpanned(view) > Math.max(MOST_SPREAD * count, ANY_SPREAD)) {
      throw this.#fail(
        `a tensor of shape ${show(shape)}, strides ${show(strides)} lies spread over ${elementsSpanned(view)} elements`,
      );
    }
    return new TorchTensor(storage, view);
  }

  /** `_rebuild_parameter(data, requires_grad, backward_hooks)` */
  #parameter([data]: readonly unknown[]): TorchTensor | Opaque {
    if (data instanceof Opaque) return data;
    if (!(data instanceof TorchTensor)) throw this.#fail("a parameter is made of something else than a tensor");
    return data;
  }

  #fail(problem: string): WeightsError {
    return new WeightsError(`Cannot read ${this.#name}: ${problem}. It is damaged; fetch it again`);
  }
}

/** `OrderedDict()`, or Python 2's `OrderedDict([[key, value], …])` */
function orderedDict([items = []]: readonly unknown[]): Map<unknown, unknown> {
  const pairs = Array.isArray(items) ? items.filter((item) => Array.isArray(item)) : [];
  return new Map(pairs.map(([key, value]) => [key, value]));
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSides(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MOST_DIMENSIONS && value.every(isWhole);
}

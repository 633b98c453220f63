/**
 * The objects in the pickle of a torch file: tensors, storages and dictionaries. Other classes are ignored; functions that
 * only a malicious file would call are refused by name.
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
  /** Identifies the storage in the file. */
  readonly key: string;
  /** Number of elements. */
  readonly length: number;
  /** Index of the first element among those that the file has under the key. */
  readonly begin: number;

  /** Creates a storage. */
  constructor(dtype: string, key: string, length: number, begin = 0) {
    this.dtype = dtype;
    this.key = key;
    this.length = length;
    this.begin = begin;
  }
}

/** A tensor: a view of a storage. */
export class TorchTensor implements Strided {
  /** The memory that the tensor is a view of. */
  readonly storage: TorchStorage;
  /** @ignore */
  readonly offset: number;
  /** @ignore */
  readonly shape: readonly number[];
  /** @ignore */
  readonly strides: readonly number[];

  /** Creates a view of `storage`. */
  constructor(storage: TorchStorage, { offset, shape, strides }: Strided) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** A storage class, which stands for an element type. */
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

/** Modules that act on the machine. They are never called here, but such a file is malicious and should not pass silently. */
const ACTING_MODULES = new Set(
  "os posix nt subprocess commands sys shutil socket ctypes importlib imp runpy code pdb pty webbrowser pip".split(" "),
);
/** Python's built-in names that checkpoints need. */
const PLAIN_BUILTINS = new Set(
  ("bool int long float complex str unicode bytes bytearray list tuple dict set frozenset range xrange slice object " +
    "getattr").split(" "),
);

/** Keys are numbers as text, and are kept once per tensor. */
const MAX_KEY_LENGTH = 200;
/** The limit of torch. */
const MAX_DIMENSIONS = 64;
/** Most elements of a tensor that has more of them than its storage, by strides of 0: 256 MiB of float32. */
const MAX_EXPANDED_ELEMENTS = 2 ** 26;
/** Largest ratio of the elements that a tensor spans to its own; spanning 16 MiB of float32 is always allowed. */
const MAX_SPREAD = 16;
const ALLOWED_SPAN = 2 ** 22;

/** Provides the globals that pickled tensors need. */
export class TorchHost implements PickleHost {
  /** Every storage that the pickle refers to, by its key. */
  readonly storages: Map<string, TorchStorage> = new Map();
  readonly #name: string;

  /** `name` is the name of the pickle in messages. */
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
    if (!isKnown || key.length > MAX_KEY_LENGTH) {
      throw this.#fail("expected a reference to a storage, found something else");
    }
    const whole = this.storages.get(key) ?? new TorchStorage(type.dtype, key, length);
    if (whole.dtype !== type.dtype || whole.length !== length) {
      throw this.#fail(`storage ${showText(key)} has two types or lengths`);
    }
    this.storages.set(key, whole);
    return Array.isArray(view) ? this.#view(whole, view) : whole;
  }

  /** A part of a storage, which torch before 0.4 used to share memory: `(key, offset, length)`. */
  #view(whole: TorchStorage, [, offset, length]: readonly unknown[]): TorchStorage {
    if (!isWhole(offset) || !isWhole(length) || offset + length > whole.length) {
      throw this.#fail(`a part of storage ${showText(whole.key)} leaves its ${whole.length} elements`);
    }
    return new TorchStorage(whole.dtype, whole.key, length, offset);
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
    if (count > Math.max(storage.length, MAX_EXPANDED_ELEMENTS)) {
      throw this.#fail(`a tensor of shape ${show(shape)} expands a storage of only ${storage.length} elements`);
    }
    if (elementsSpanned(view) > Math.max(MAX_SPREAD * count, ALLOWED_SPAN)) {
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
  return Array.isArray(value) && value.length <= MAX_DIMENSIONS && value.every(isWhole);
}

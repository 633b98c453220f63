/**
 * Reads the format of `torch.save` before torch 1.6, still an option today: five pickles one after another, then the
 * storages, each after its number of elements.
 *
 * @module
 */

import { ByteCursor, EndOfBytesError } from "./byte_cursor.ts";
import type { ByteSource } from "../byte_source.ts";
import { ELEMENT_TYPES } from "../element_types.ts";
import { WeightsError } from "../../errors.ts";
import { unpickle } from "./pickle.ts";
import { TorchHost, type TorchStorage } from "./objects.ts";
import type { StorageReader, TorchFile } from "./state_dict.ts";

/** The content of the pickles. */
interface Pickles {
  /** The saved object. */
  readonly value: unknown;
  /** The storages that the object refers to, by key. */
  readonly storages: ReadonlyMap<string, TorchStorage>;
  /** Keys of storages, in the order of the file. */
  readonly keys: unknown;
  /** Offset of the first storage in the file. */
  readonly end: number;
}

const MAGIC = 0x1950a86a20f9469cfc6cn;
const VERSION = 1001;
/** Bytes that most pickles fit into: their length is stored nowhere. */
const FIRST_READ_SIZE = 2 ** 20;
/** Bytes of the number of elements in front of each storage. */
const LENGTH_SIZE = 8;

/**
 * Reads any object that `torch.save` wrote in this format. No code in the file is run, and storages are read later.
 *
 * @param maxPickleSize largest size of all pickles in bytes; each byte may take a few hundred bytes of memory
 * @throws {WeightsError} if the file is damaged, or in another format
 */
export async function readTorchLegacy(source: ByteSource, maxPickleSize: number): Promise<TorchFile> {
  const pickles = await readPickles(source, maxPickleSize);
  const places = placeStorages(pickles, source);
  const openStorage: TorchFile["openStorage"] = (storage) => {
    const place = places.get(storage.key);
    if (place === undefined) throw damaged(source.name, "it lacks a storage that a tensor is in");
    return storageReader(source, place, storage, pickles.storages.get(storage.key)!.length);
  };
  return { value: pickles.value, openStorage };
}

/** Reads more and more of the file until it has all pickles. */
async function readPickles(source: ByteSource, maxSize: number): Promise<Pickles> {
  for (let size = Math.min(FIRST_READ_SIZE, maxSize);; size *= 4) {
    const bytes = await source.read(0, Math.min(size, source.size));
    try {
      return parsePickles(new ByteCursor(bytes, source.name), source.name);
    } catch (error) {
      if (!(error instanceof EndOfBytesError) || bytes.length === source.size) throw error;
      if (size < maxSize) continue;
      throw new WeightsError(`Cannot read ${source.name}: expected pickles of at most ${maxSize} bytes`);
    }
  }
}

function parsePickles(code: ByteCursor, name: string): Pickles {
  const host = new TorchHost(name);
  const next = () => unpickle(code, host, name);
  if (next() !== MAGIC || next() !== VERSION) {
    throw damaged(name, "it does not begin as files that torch.save wrote before torch 1.6 do");
  }
  next(); // describes the machine that wrote the file; storages are little-endian on any machine
  const value = next();
  const keys = next();
  return { value, storages: host.storages, keys, end: code.position };
}

/** Offset of the elements of each storage, by key. */
function placeStorages({ storages, keys, end }: Pickles, { name, size }: ByteSource): Map<string, number> {
  if (!Array.isArray(keys)) throw damaged(name, "expected a list of its storages");
  const places = new Map<string, number>();
  let at = end;
  for (const key of keys) {
    const storage = storages.get(key);
    if (!storage) throw damaged(name, "it has a storage that nothing refers to, or of a type that is not known");
    if (places.has(key)) throw damaged(name, "it has a storage twice");
    places.set(key, at + LENGTH_SIZE);
    at += LENGTH_SIZE + storage.length * ELEMENT_TYPES.get(storage.dtype)!.bytes;
  }
  if (at > size) throw damaged(name, `its storages end at ${at}, it has only ${size} bytes`);
  return places;
}

/** Reads a storage after checking that it has as many elements as the pickle says. */
function storageReader(
  source: ByteSource,
  place: number,
  { dtype, begin }: TorchStorage,
  length: number,
): StorageReader {
  const start = place + begin * ELEMENT_TYPES.get(dtype)!.bytes;
  const read: StorageReader["read"] = async ({ begin, end }) => {
    const found = new DataView((await source.read(place - LENGTH_SIZE, LENGTH_SIZE)).buffer).getBigUint64(0, true);
    if (found !== BigInt(length)) {
      throw damaged(source.name, `expected a storage of ${length} elements, found ${found}`);
    }
    return await source.read(start + begin, end - begin);
  };
  return { read, expect() {} };
}

function damaged(name: string, problem: string): WeightsError {
  return new WeightsError(`Cannot read ${name}: ${problem}. It is damaged or not a torch file; fetch it again`);
}

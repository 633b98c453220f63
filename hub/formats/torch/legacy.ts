/**
 * Reads what `torch.save(state_dict, path)` wrote before torch 1.6, and still does when told to: five pickles one after
 * another, then the storages, each with how many elements it has in front.
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

/** What the pickles hold. */
interface Pickles {
  /** What was saved. */
  readonly value: unknown;
  /** The storages that it refers to, by key. */
  readonly storages: ReadonlyMap<string, TorchStorage>;
  /** Keys of storages, in the order of the file. */
  readonly keys: unknown;
  /** Where the storages begin. */
  readonly end: number;
}

const MAGIC = 0x1950a86a20f9469cfc6cn;
const VERSION = 1001;
/** Nothing says how long the pickles are: most fit into this. */
const FIRST_READ = 2 ** 20;
/** In front of each storage, its length. */
const LENGTH_SIZE = 8;

/**
 * Whatever `torch.save` was given. No code in the file is run, and its storages are not read now.
 *
 * @param largestPickle how many bytes its description may have; each may become some hundred bytes of memory
 * @throws {WeightsError} if the file is damaged, or of another format
 */
export async function readTorchLegacy(source: ByteSource, largestPickle: number): Promise<TorchFile> {
  const pickles = await readPickles(source, largestPickle);
  const places = placeStorages(pickles, source);
  const openStorage: TorchFile["openStorage"] = (storage) => {
    const place = places.get(storage.key);
    if (place === undefined) throw damaged(source.name, "it lacks a storage that a tensor is in");
    return storageReader(source, place, storage, pickles.storages.get(storage.key)!.length);
  };
  return { value: pickles.value, openStorage };
}

/** Reads more and more of the file until all pickles are in it. */
async function readPickles(source: ByteSource, largest: number): Promise<Pickles> {
  for (let size = Math.min(FIRST_READ, largest);; size *= 4) {
    const bytes = await source.read(0, Math.min(size, source.size));
    try {
      return parsePickles(new ByteCursor(bytes, source.name), source.name);
    } catch (error) {
      if (!(error instanceof EndOfBytesError) || bytes.length === source.size) throw error;
      if (size < largest) continue;
      throw new WeightsError(`Cannot read ${source.name}: expected pickles of at most ${largest} bytes`);
    }
  }
}

function parsePickles(code: ByteCursor, name: string): Pickles {
  const host = new TorchHost(name);
  const next = () => unpickle(code, host, name);
  if (next() !== MAGIC || next() !== VERSION) {
    throw damaged(name, "it does not begin as files that torch.save wrote before torch 1.6 do");
  }
  next(); // about the machine that wrote it; its storages are little-endian whatever that was
  const value = next();
  const keys = next();
  return { value, storages: host.storages, keys, end: code.position };
}

/** Where the elements of each storage begin. */
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

/** Reads a storage, once its length is found to be what tensors take it for. */
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
  return new WeightsError(`Cannot read ${name}: ${problem}. It is damaged or no torch file; fetch it again`);
}

/**
 * Reads the format of `torch.save` since torch 1.6: a zip archive with a pickle, `data.pkl`, that describes tensors, and one
 * entry per storage, the block of memory that tensors are views of.
 *
 * @module
 */

import { ByteCursor } from "./byte_cursor.ts";
import type { ByteSource, Span } from "../byte_source.ts";
import { ELEMENT_TYPES } from "../element_types.ts";
import { WeightsError } from "../../errors.ts";
import { unpickle } from "./pickle.ts";
import { showText } from "../../show.ts";
import type { TensorSource } from "../tensor_source.ts";
import { conversionCommand } from "./conversion.ts";
import { TorchHost, type TorchStorage } from "./objects.ts";
import { zipStorages } from "./storage.ts";
import { MAX_PICKLE_SIZE, type TorchFile, torchTensorSource } from "./state_dict.ts";
import { readZipDirectory, type ZipEntry } from "./zip.ts";
import { readZipEntry } from "./zip_entry.ts";

/** Bytes of the header of an entry without its name; torch pads it so that elements begin at a multiple of 64. */
const MAX_HEADER_SIZE = 128;
/** `little` or `big`. */
const MAX_BYTE_ORDER_LENGTH = 16;

type Entries = ReadonlyMap<string, ZipEntry>;

/**
 * Opens the tensors of a `.bin` file: a state dict, or a checkpoint with one under `ema`, `model` or `state_dict` (the first
 * that holds tensors), of which everything else is ignored. No code in it is run. Reads only the description of the tensors
 * at first; closing the result closes `source`.
 *
 * @throws {WeightsError} if the file is damaged, in another format, or contains no tensors
 */
export async function openTorchZip(source: ByteSource): Promise<TensorSource> {
  return torchTensorSource(source, await readTorchZip(source, MAX_PICKLE_SIZE));
}

/**
 * Reads any object that `torch.save` wrote to a zip archive.
 *
 * @param maxPickleSize largest size of the pickle in bytes; each byte may take a few hundred bytes of memory
 * @throws {WeightsError} if the file is damaged, or in another format
 */
export async function readTorchZip(source: ByteSource, maxPickleSize: number): Promise<TorchFile> {
  await checkMagic(source);
  const entries = await readZipDirectory(source);
  const folder = findFolder(entries, source.name);
  await checkByteOrder(source, entries.get(`${folder}/byteorder`));
  const value = await readPickle(source, entries.get(`${folder}/data.pkl`)!, maxPickleSize);
  const readerOf = zipStorages(source);
  const entryOf = (storage: TorchStorage) =>
    findStorage(entries, `${folder}/data/${storage.key}`, storage, source.name);
  return {
    value,
    openStorage: (storage) => readerOf(entryOf(storage)),
    placeOf: (storage) => placeOf(entryOf(storage), source.size),
  };
}

/** The bytes of an entry, with its header, whose length is not known before it is read. */
function placeOf({ name, offset, packedSize }: ZipEntry, size: number): Span {
  return { begin: offset, end: Math.min(offset + MAX_HEADER_SIZE + name.length + packedSize, size) };
}

async function checkMagic(source: ByteSource): Promise<void> {
  const magic = await source.read(0, Math.min(4, source.size));
  if (magic[0] === 0x80) {
    throw new WeightsError(
      `Cannot read ${source.name}: it is in the format of torch before 1.6. Convert it: ` +
        `${conversionCommand(source.name, { weightsOnly: true })}, or open it with openTorch`,
    );
  }
  if (String.fromCharCode(...magic) !== "PK\x03\x04") {
    throw new WeightsError(`Cannot read ${source.name}: expected a zip archive written by torch.save; fetch it again`);
  }
}

/** Finds the archive's only folder, named `archive` or after the file. */
function findFolder(entries: Entries, name: string): string {
  const folders = [...entries.keys()].map((path) => /^([^/]+)\/data\.pkl$/.exec(path)?.[1]).filter((found) => found);
  if (folders.length !== 1) {
    throw new WeightsError(
      `Cannot read ${name}: expected a zip archive with one FOLDER/data.pkl, found ${folders.length}. ` +
        "It was not written by torch.save",
    );
  }
  return folders[0]!;
}

async function checkByteOrder(source: ByteSource, entry: ZipEntry | undefined): Promise<void> {
  if (!entry) return; // torch before 2.1 has no such entry, and is little-endian
  const isShort = entry.size <= MAX_BYTE_ORDER_LENGTH;
  const order = isShort ? new TextDecoder().decode(await readZipEntry(source, entry)) : "something else";
  if (order !== "little") {
    throw new WeightsError(
      `Cannot read ${source.name}: expected little-endian numbers, found ${
        showText(order)
      }. Save it again on a little-endian machine`,
    );
  }
}

async function readPickle(source: ByteSource, entry: ZipEntry, maxSize: number): Promise<unknown> {
  const name = `${showText(entry.name)} of ${source.name}`;
  if (entry.size > maxSize) {
    throw new WeightsError(`Cannot read ${name}: expected at most ${maxSize} bytes, found ${entry.size}`);
  }
  return unpickle(new ByteCursor(await readZipEntry(source, entry), name), new TorchHost(name), name);
}

function findStorage(entries: Entries, path: string, storage: TorchStorage, name: string): ZipEntry {
  const entry = entries.get(path);
  const expected = storage.length * ELEMENT_TYPES.get(storage.dtype)!.bytes;
  if (entry?.size !== expected) {
    throw new WeightsError(
      `Cannot read ${name}: expected ${showText(path)} with ${expected} bytes, found ${
        entry ? `${entry.size}` : "no such entry"
      }. It is damaged; fetch it again`,
    );
  }
  return entry;
}

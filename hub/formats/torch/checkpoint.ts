/**
 * Reads what `torch.save(state_dict, path)` writes since torch 1.6: a zip archive with a pickle, `data.pkl`, that
 * describes tensors, and one entry for each block of memory, or storage, that they are views of.
 *
 * @module
 */

import { ByteCursor } from "./byte_cursor.ts";
import type { ByteSource } from "../byte_source.ts";
import { ELEMENT_TYPES } from "../element_types.ts";
import { WeightsError } from "../../errors.ts";
import { unpickle } from "./pickle.ts";
import { showText } from "../../show.ts";
import type { TensorSource } from "../tensor_source.ts";
import { conversionCommand } from "./conversion.ts";
import { TorchHost, type TorchStorage } from "./objects.ts";
import { zipStorages } from "./storage.ts";
import { LARGEST_PICKLE, type TorchFile, torchTensorSource } from "./state_dict.ts";
import { readZipDirectory, type ZipEntry } from "./zip.ts";
import { readZipEntry } from "./zip_entry.ts";

/** `little` or `big`. */
const LONGEST_BYTE_ORDER = 16;

type Entries = ReadonlyMap<string, ZipEntry>;

/**
 * The tensors of a `.bin` file: a state dict, or a checkpoint that holds one as `state_dict`; what else it holds is passed
 * over. No code in it is run. Only the description of the tensors is read now; closing the result closes `source`.
 *
 * @throws {WeightsError} if the file is damaged, of another format, or holds no tensors
 */
export async function openTorchZip(source: ByteSource): Promise<TensorSource> {
  return torchTensorSource(source, await readTorchZip(source, LARGEST_PICKLE));
}

/**
 * Whatever `torch.save` was given.
 *
 * @param largestPickle how many bytes its description may have; each may become some hundred bytes of memory
 * @throws {WeightsError} if the file is damaged, or of another format
 */
export async function readTorchZip(source: ByteSource, largestPickle: number): Promise<TorchFile> {
  await checkMagic(source);
  const entries = await readZipDirectory(source);
  const folder = findFolder(entries, source.name);
  await checkByteOrder(source, entries.get(`${folder}/byteorder`));
  const value = await readPickle(source, entries.get(`${folder}/data.pkl`)!, largestPickle);
  const readerOf = zipStorages(source);
  const openStorage: TorchFile["openStorage"] = (storage) =>
    readerOf(findStorage(entries, `${folder}/data/${storage.key}`, storage, source.name));
  return { value, openStorage };
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

/** The one folder in the archive that holds everything: it is called `archive`, or after the file. */
function findFolder(entries: Entries, name: string): string {
  const folders = [...entries.keys()].map((path) => /^([^/]+)\/data\.pkl$/.exec(path)?.[1]).filter((found) => found);
  if (folders.length !== 1) {
    throw new WeightsError(
      `Cannot read ${name}: expected a zip archive with one FOLDER/data.pkl, found ${folders.length}. ` +
        "It is no file that torch.save wrote",
    );
  }
  return folders[0]!;
}

async function checkByteOrder(source: ByteSource, entry: ZipEntry | undefined): Promise<void> {
  if (!entry) return; // torch before 2.1 does not say: it is little
  const isShort = entry.size <= LONGEST_BYTE_ORDER;
  const order = isShort ? new TextDecoder().decode(await readZipEntry(source, entry)) : "something else";
  if (order !== "little") {
    throw new WeightsError(
      `Cannot read ${source.name}: expected little-endian numbers, found ${
        showText(order)
      }. Save it again on a little-endian machine`,
    );
  }
}

async function readPickle(source: ByteSource, entry: ZipEntry, largest: number): Promise<unknown> {
  const name = `${showText(entry.name)} of ${source.name}`;
  if (entry.size > largest) {
    throw new WeightsError(`Cannot read ${name}: expected at most ${largest} bytes, found ${entry.size}`);
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

/**
 * Reads what `torch.save(state_dict, path)` writes since torch 1.6: a zip archive with a pickle, `data.pkl`, that
 * describes tensors, and one entry for each block of memory, or storage, that they are views of.
 *
 * @module
 */

import type { ByteSource } from "./byte_source.ts";
import { ELEMENT_TYPES, type Widen } from "./element_types.ts";
import { WeightsError } from "./errors.ts";
import { unpickle } from "./pickle.ts";
import { elementsSpanned, gather, isDense } from "./strided.ts";
import { type TensorSource, tensorSource } from "./tensor_source.ts";
import { TorchHost, TorchTensor } from "./torch_objects.ts";
import { readZipDirectory, readZipEntry, type ZipEntry } from "./zip.ts";

type Entries = ReadonlyMap<string, ZipEntry>;

/** A tensor and the entry that holds its storage. */
interface Stored {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly view: TorchTensor;
  readonly entry: ZipEntry;
}

/** An honest pickle has some hundred bytes a tensor. */
const LARGEST_PICKLE = 64 * 1024 * 1024;

/**
 * The tensors of a `.bin` file: a state dict, or a checkpoint that holds one as `state_dict`. No code in it is run.
 * Only the description of the tensors is read now; closing the result closes `source`.
 *
 * @throws {WeightsError} if the file is damaged, of another format, or holds other things than tensors
 */
export async function openTorchZip(source: ByteSource): Promise<TensorSource> {
  await checkMagic(source);
  const entries = await readZipDirectory(source);
  const folder = findFolder(entries, source.name);
  await checkByteOrder(source, entries.get(`${folder}/byteorder`));
  const state = await readStateDict(source, entries.get(`${folder}/data.pkl`)!);

  const tensors = new Map<string, Stored>();
  for (const [key, view] of state) {
    const entry = findStorage(entries, `${folder}/data/${view.storage.key}`, view, source.name);
    tensors.set(key, { dtype: view.storage.dtype, shape: view.shape, view, entry });
  }
  return tensorSource({
    name: source.name,
    tensors,
    load: (tensor, widen) => load(source, tensor, widen),
    close: () => source.close(),
  });
}

/** Reads the part of the storage that a tensor spans, then puts its elements in order. */
async function load(source: ByteSource, { view, entry }: Stored, widen: Widen): Promise<Float32Array<ArrayBuffer>> {
  const { bytes } = ELEMENT_TYPES.get(view.storage.dtype)!;
  const part = await readZipEntry(source, entry, view.offset * bytes, elementsSpanned(view) * bytes);
  const elements = widen(part);
  return isDense(view) ? elements : gather(elements, view);
}

async function checkMagic(source: ByteSource): Promise<void> {
  const magic = await source.read(0, Math.min(4, source.size));
  if (magic[0] === 0x80) {
    throw new WeightsError(
      `Cannot read ${source.name}: it is in the format of torch before 1.6. Convert it: python -c 'import torch; ` +
        `p = "${source.name}"; torch.save(torch.load(p, map_location="cpu", weights_only=True), p)'`,
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
  const order = new TextDecoder().decode(await readZipEntry(source, entry, 0, Math.min(entry.size, 16)));
  if (order !== "little") {
    throw new WeightsError(
      `Cannot read ${source.name}: expected little-endian numbers, found ${order}. Save it again on a little-endian machine`,
    );
  }
}

async function readStateDict(source: ByteSource, entry: ZipEntry): Promise<Map<string, TorchTensor>> {
  const name = `${entry.name} of ${source.name}`;
  if (entry.size > LARGEST_PICKLE) {
    throw new WeightsError(`Cannot read ${name}: expected at most ${LARGEST_PICKLE} bytes, found ${entry.size}`);
  }
  const value = unpickle(await readZipEntry(source, entry), new TorchHost(name), name);
  const nested = value instanceof Map ? value.get("state_dict") : undefined;
  const state = nested instanceof Map ? nested : value;
  if (!(state instanceof Map)) throw new WeightsError(`Cannot read ${name}: expected a dictionary of tensors`);
  for (const [key, tensor] of state) {
    if (typeof key !== "string" || !(tensor instanceof TorchTensor)) {
      throw new WeightsError(
        `Cannot read ${name}: expected tensors by name, found something else under ${
          String(key)
        }. Save only the state dict`,
      );
    }
  }
  return state;
}

function findStorage(entries: Entries, path: string, { storage }: TorchTensor, name: string): ZipEntry {
  const entry = entries.get(path);
  const expected = storage.length * ELEMENT_TYPES.get(storage.dtype)!.bytes;
  if (entry?.size !== expected) {
    throw new WeightsError(
      `Cannot read ${name}: expected ${path} with ${expected} bytes, found ${
        entry ? `${entry.size}` : "no such entry"
      }. ` +
        "It is damaged; fetch it again",
    );
  }
  return entry;
}

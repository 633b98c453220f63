/**
 * Reads safetensors files: the length of the header in eight bytes, the header in JSON, then the tensors' bytes.
 *
 * @module
 */

import { type ByteSource, readInto } from "./byte_source.ts";
import { countElements, ELEMENT_TYPES } from "./element_types.ts";
import { WeightsError } from "../errors.ts";
import { findDuplicateKey, isObject, MAX_JSON_SIZE, parseJson } from "./json.ts";
import { show, showText } from "../show.ts";
import { type TensorInfo, type TensorSource, tensorSource } from "./tensor_source.ts";

/** A tensor in a safetensors file, and where its bytes are, counted from the end of the header. */
export interface PlacedTensor extends TensorInfo {
  /** Offset of the first byte. */
  readonly begin: number;
  /** Offset after the last byte. */
  readonly end: number;
}

/** The header of a safetensors file. */
export interface SafetensorsHeader {
  /** The tensors by name. */
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
  /** The strings under `__metadata__`. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Offset of the tensors' bytes in the file. */
  readonly dataStart: number;
}

/**
 * Opens the tensors of a safetensors file. Reads only the header at first; closing the result closes `source`.
 *
 * @throws {WeightsError} if the file is damaged: the whole header is checked against the file
 */
export async function openSafetensors(source: ByteSource): Promise<TensorSource> {
  const { tensors, dataStart } = await readSafetensorsHeader(source);
  return tensorSource({
    name: source.name,
    tensors,
    load: async ({ begin, end }, widen) => widen(await source.read(dataStart + begin, end - begin)),
    async readInto({ begin, end }, target, offset) {
      if (offset < 0 || offset + target.length > end - begin) {
        throw new RangeError(`Cannot read ${target.length} bytes at ${offset} of a tensor of ${end - begin}`);
      }
      await readInto(source, dataStart + begin + offset, target);
    },
    expect(names) {
      const spans = [...names].flatMap((name) => tensors.get(name) ?? []);
      source.expect?.(spans.map(({ begin, end }) => ({ begin: dataStart + begin, end: dataStart + end })));
    },
    close: () => source.close(),
  });
}

/**
 * Reads and checks the header of a safetensors file.
 *
 * @throws {WeightsError} if the file is damaged
 */
export async function readSafetensorsHeader(source: ByteSource): Promise<SafetensorsHeader> {
  const bytes = await readHeader(source);
  const dataStart = 8 + bytes.byteLength;
  const header = parseHeader(bytes, source.name);
  checkLayout(header.tensors, source.size - dataStart, source.name);
  return { ...header, dataStart };
}

async function readHeader(source: ByteSource): Promise<Uint8Array> {
  if (source.size < 8) {
    throw damaged(source.name, `expected 8 bytes with the length of its header, found only ${source.size}`);
  }
  const length = Number(new DataView((await source.read(0, 8)).buffer).getBigUint64(0, true));
  if (length > MAX_JSON_SIZE) {
    throw damaged(source.name, `expected a header of at most ${MAX_JSON_SIZE} bytes, found one of ${length}`);
  }
  if (length > source.size - 8) {
    throw damaged(source.name, `its header should have ${length} bytes, the file has only ${source.size - 8} after it`);
  }
  return await source.read(8, length);
}

function parseHeader(bytes: Uint8Array, name: string): Omit<SafetensorsHeader, "dataStart"> {
  if (bytes[0] !== 0x7b) throw damaged(name, `expected a header that begins with "{"`);
  const header = parseJson(bytes, `Cannot read the header of ${name}`, WeightsError) as Record<string, unknown>;
  const duplicate = findDuplicateKey(bytes);
  if (duplicate !== undefined) throw damaged(name, `its header has the key ${showText(duplicate)} twice`);

  const { __metadata__, ...rest } = header;
  const metadata = __metadata__ ?? {}; // the format's own library treats null as absent, too
  checkMetadata(metadata, name);
  return {
    tensors: new Map(Object.entries(rest).map(([key, value]) => [key, parseTensor(key, value, name)])),
    metadata,
  };
}

function checkMetadata(metadata: unknown, name: string): asserts metadata is Record<string, string> {
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    throw damaged(name, "expected __metadata__ to hold strings by name, found something else");
  }
}

function parseTensor(key: string, value: unknown, name: string): PlacedTensor {
  const fail = (problem: string) => damaged(name, `tensor ${showText(key)}: ${problem}`);
  if (!isObject(value)) throw fail("expected an object with dtype, shape and data_offsets");
  const { dtype, shape, data_offsets: offsets } = value;
  const element = ELEMENT_TYPES.get(dtype as string);
  if (!element) throw fail(`unknown dtype ${show(dtype)}`);
  if (!isWholeNumbers(shape)) throw fail("expected a shape of whole numbers from 0 to 2^53");
  if (!isWholeNumbers(offsets) || offsets.length !== 2) throw fail("expected two data_offsets, whole numbers ≥ 0");

  const [begin, end] = offsets;
  const elements = countElements(shape);
  if (elements === undefined) throw fail(`shape ${show(shape)} has more than 2^53 elements`);
  const bytes = elements * element.bytes;
  if (end - begin !== bytes) {
    throw fail(
      `shape ${show(shape)} of ${dtype} takes ${bytes} bytes, data_offsets ${show(offsets)} give it ${end - begin}`,
    );
  }
  return { dtype: dtype as string, shape, begin, end };
}

function isWholeNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((number) => Number.isSafeInteger(number) && number >= 0);
}

/** Checks that the tensors' bytes fill the file without gaps, overlaps or trailing bytes. */
function checkLayout(tensors: ReadonlyMap<string, PlacedTensor>, size: number, name: string): void {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const [key, { begin, end }] of inOrder) {
    if (begin !== covered) {
      throw damaged(
        name,
        `tensor ${showText(key)} begins at ${begin}, expected ${covered}, where the one before it ends`,
      );
    }
    covered = end;
  }
  if (covered !== size) throw damaged(name, `its tensors take ${covered} bytes, after the header there are ${size}`);
}

function damaged(name: string, problem: string): WeightsError {
  return new WeightsError(
    `Cannot read ${name}: ${problem}. It is damaged, truncated or not a safetensors file; fetch it again`,
  );
}

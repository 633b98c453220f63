/** Makes weight files byte by byte, valid and malicious ones. */
import { sourceOfBytes, WeightsError } from "../../hub/mod.ts";
import type { ByteSource, TensorSource } from "../../hub/mod.ts";
import { assertInstanceOf, assertMatch } from "@std/assert";
import { crc32 } from "node:zlib";

/** Bytes, or a text in UTF-8. */
export type Part = string | ArrayLike<number>;

export function bytesOf(...parts: Part[]): Uint8Array<ArrayBuffer> {
  const arrays = parts.map((part) => typeof part === "string" ? new TextEncoder().encode(part) : Uint8Array.from(part));
  const whole = new Uint8Array(arrays.reduce((size, array) => size + array.length, 0));
  let end = 0;
  for (const array of arrays) {
    whole.set(array, end);
    end += array.length;
  }
  return whole;
}

/** The bytes of float32 numbers. */
export function floats(...values: number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Float32Array.from(values).buffer);
}

export function u16(value: number): number[] {
  return [value & 255, value >>> 8 & 255];
}

export function u32(value: number): number[] {
  return [...u16(value), ...u16(value >>> 16)];
}

export function u64(value: number | bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
}

/** A safetensors file with this header, a text or a JSON value, unpadded. */
export function safetensorsFile(header: unknown, ...data: Part[]): Uint8Array<ArrayBuffer> {
  const text = bytesOf(typeof header === "string" ? header : JSON.stringify(header));
  return bytesOf(u64(text.length), text, ...data);
}

/** An entry of a zip archive. */
export interface Entry {
  name: string;
  data: Uint8Array<ArrayBuffer>;
  deflated?: boolean;
  /** False unpacked size for the directory. */
  claimedSize?: number;
  /** False checksum. */
  checksum?: number;
}

/** A zip archive; with `zip64`, all numbers have 64 bits, as in a huge one. */
export async function zipFile(entries: Entry[], { zip64 = false } = {}): Promise<Uint8Array<ArrayBuffer>> {
  const locals: Part[] = [];
  const directory: Part[] = [];
  let offset = 0;
  for (const { name, data, deflated = false, claimedSize = data.length, checksum = crc32(data) } of entries) {
    const packed = deflated ? await deflate(data) : data;
    const method = u16(deflated ? 8 : 0);
    const local = bytesOf(
      "PK\x03\x04",
      u16(20),
      u16(0),
      method,
      u32(0),
      u32(checksum),
      u32(packed.length),
      u32(claimedSize),
      [
        ...u16(name.length),
        ...u16(5),
      ],
      name,
      [1, 2, 3, 4, 5],
      packed,
    );
    const extra = zip64 ? bytesOf(u16(1), u16(24), u64(claimedSize), u64(packed.length), u64(offset)) : [];
    const numbers = zip64 ? [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1] : [packed.length, claimedSize, offset];
    directory.push(
      ...["PK\x01\x02", u32(20), u16(0), method, u32(0), u32(checksum), u32(numbers[0]), u32(numbers[1])],
      ...[u16(name.length), u16(extra.length), u16(0), u64(0), u32(numbers[2]), name, extra],
    );
    locals.push(local);
    offset += local.length;
  }
  const index = bytesOf(...directory);
  const count = u16(entries.length);
  const end64 = bytesOf("PK\x06\x06", u64(44), u32(0), u64(0), u64(entries.length), u64(entries.length), [
    ...u64(index.length),
    ...u64(offset),
  ]);
  const locator = bytesOf("PK\x06\x07", u32(0), u64(offset + index.length), u32(1));
  const [size, start] = zip64 ? [2 ** 32 - 1, 2 ** 32 - 1] : [index.length, offset];
  const end = bytesOf("PK\x05\x06", u32(0), count, count, u32(size), u32(start), u16(0));
  return bytesOf(...locals, index, ...(zip64 ? [end64, locator] : []), end);
}

async function deflate(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([data]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A file of `torch.save` with a pickle and storages: entries `archive/data/KEY`. */
export function torchFile(
  pickle: Part,
  storages: Record<string, Uint8Array<ArrayBuffer>> = {},
  { folder = "archive", deflated = false, zip64 = false, byteorder = "little" } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const entries = [
    { name: `${folder}/data.pkl`, data: bytesOf(pickle), deflated },
    { name: `${folder}/byteorder`, data: bytesOf(byteorder) },
    ...Object.entries(storages).map(([key, data]) => ({ name: `${folder}/data/${key}`, data, deflated })),
    { name: `${folder}/version`, data: bytesOf("3\n") },
  ];
  return zipFile(entries, { zip64 });
}

/** A file of torch before 1.6 with a pickle and storages: by key, the number of elements and their bytes. */
export function legacyFile(
  pickle: Part,
  storages: Record<string, [count: number, data: Part]> = {},
  { keys = bytesOf("](", ...Object.keys(storages).map((key) => push.text(key)), "e") as Part, version = 1001 } = {},
): Uint8Array<ArrayBuffer> {
  const magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
  const machine = bytesOf("}", push.text("little_endian"), [0x88], "s");
  return bytesOf(
    ...[pickleOf(magic), pickleOf(push.int(version)), pickleOf(machine), pickle, pickleOf(keys)],
    ...Object.values(storages).flatMap(([count, data]) => [u64(count), data]),
  );
}

/** Pickle instructions that push a value of this kind. */
export const push = {
  text: (text: string) => bytesOf("X", u32(text.length), text),
  /** An integer, in as few bytes as possible. */
  int(value: number): Uint8Array {
    if (value >= 0 && value < 256) return bytesOf("K", [value]);
    if (Math.abs(value) < 2 ** 31) return bytesOf("J", u32(value));
    return bytesOf([0x8a, 8], new Uint8Array(BigInt64Array.of(BigInt(value)).buffer));
  },
  tuple: (...items: Part[]) => bytesOf("(", ...items, "t"),
  global: (module: string, name: string) => bytesOf(`c${module}\n${name}\n`),
  call: (callee: Part, ...args: Part[]) => bytesOf(callee, push.tuple(...args), "R"),
  /** An OrderedDict with `_metadata`, as `state_dict()` returns it. */
  stateDict(entries: Record<string, Part>): Uint8Array {
    const items = Object.entries(entries).flatMap(([key, value]) => [push.text(key), value]);
    const metadata = bytesOf("}", push.text("_metadata"), "}s");
    return bytesOf(push.call(push.global("collections", "OrderedDict")), "(", ...items, "u", metadata, "b");
  },
  /** `more` is appended to the reference: the part of the storage, in old files. */
  storage(type: string, key: string, length: number, ...more: Part[]): Uint8Array {
    const id = [push.text("storage"), push.global("torch", type), push.text(key), push.text("cpu"), push.int(length)];
    return bytesOf(push.tuple(...id, ...more), "Q");
  },
  tensor(storage: Part, offset: number, shape: number[], strides: number[]): Uint8Array {
    const numbers = (values: number[]) => push.tuple(...values.map(push.int));
    const hooks = push.call(push.global("collections", "OrderedDict"));
    const rebuild = push.global("torch._utils", "_rebuild_tensor_v2");
    return push.call(rebuild, storage, push.int(offset), numbers(shape), numbers(strides), [0x89], hooks);
  },
};

/** A pickle of protocol 2 with this value. */
export function pickleOf(value: Part): Uint8Array<ArrayBuffer> {
  return bytesOf([0x80, 2], value, ".");
}

/** All tensors of a file, by name. */
export async function readAll(
  open: (source: ByteSource) => Promise<TensorSource>,
  bytes: Uint8Array,
): Promise<Record<string, number[]>> {
  const source = await open(sourceOfBytes(bytes, "weights"));
  const tensors: Record<string, number[]> = {};
  for (const name of source.tensors.keys()) tensors[name] = [...await source.read(name)];
  await source.close();
  return tensors;
}

/**
 * Damages a file in thousands of reproducible ways. It must always be read, or refused with a WeightsError.
 */
export async function fuzz(
  read: (bytes: Uint8Array<ArrayBuffer>) => Promise<unknown>,
  file: Uint8Array<ArrayBuffer>,
  rounds: number,
): Promise<void> {
  let state = 1;
  const below = (limit: number) => {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return (state >>> 8) % limit;
  };
  for (let round = 0; round < rounds; round++) {
    const bytes = file.slice(0, round % 4 ? file.length : below(file.length));
    for (let changes = below(3); changes >= 0 && bytes.length > 0; changes--) {
      bytes[below(bytes.length)] = [0, 1, 0x7f, 0xff, 0x2e, below(256), below(256)][below(7)];
    }
    await read(bytes).catch((error) => {
      assertInstanceOf(error, WeightsError, `round ${round}`);
      assertMatch(error.message, /^Cannot /);
    });
  }
}

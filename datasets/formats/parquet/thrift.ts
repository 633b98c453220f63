/**
 * Reads structs of Apache Thrift's compact protocol, of which Parquet's headers are made.
 *
 * @module
 */

/** A struct: its fields by number. Strings are bytes; integers beyond 2^53 are not exact. */
export type ThriftStruct = ReadonlyMap<number, ThriftValue>;

/** The value of a field. */
export type ThriftValue = boolean | number | Uint8Array | readonly ThriftValue[] | ThriftStruct;

/** Makes the error for a damaged file. */
export type Fail = (problem: string) => Error;

const MAX_DEPTH = 16;
/** Most values in a struct and those inside it. Each takes about 100 bytes of memory, and at least one of the file. */
const MAX_VALUES = 1_000_000;
/** Bytes of the longest variable-length integer of 64 bits. */
const MAX_VARINT_BYTES = 10;

/**
 * Reads the struct at an offset.
 *
 * @returns the struct, and the offset after it
 */
export function readThrift(bytes: Uint8Array, offset: number, fail: Fail): { struct: ThriftStruct; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = offset;
  let values = 0;
  const struct = readStruct(0);
  return { struct, end: at };

  function readStruct(depth: number): ThriftStruct {
    if (depth > MAX_DEPTH) throw fail(`expected headers nested at most ${MAX_DEPTH} deep, found more`);
    const fields = new Map<number, ThriftValue>();
    for (let id = 0;;) {
      const head = byte();
      if (head === 0) return fields;
      id = head >> 4 ? id + (head >> 4) : zigzag();
      fields.set(id, readValue(head & 15, depth));
    }
  }

  function readValue(type: number, depth: number): ThriftValue {
    if (++values > MAX_VALUES) throw fail(`expected headers of at most ${MAX_VALUES} values, found more`);
    if (type === 1 || type === 2) return type === 1;
    if (type === 3) return byte() << 24 >> 24;
    if (type >= 4 && type <= 6) return zigzag();
    if (type === 7) return view.getFloat64(take(8), true);
    if (type === 8) {
      const length = varint();
      const start = take(length);
      return bytes.subarray(start, start + length);
    }
    if (type === 9) return readList(depth);
    if (type === 12) return readStruct(depth + 1);
    throw fail(`expected a header of Parquet, found a field of type ${type}`);
  }

  function readList(depth: number): ThriftValue[] {
    if (depth > MAX_DEPTH) throw fail(`expected headers nested at most ${MAX_DEPTH} deep, found more`);
    const head = byte();
    const [type, length] = [head & 15, head >> 4 === 15 ? varint() : head >> 4];
    const list: ThriftValue[] = [];
    while (list.length < length) {
      // In a list, unlike in a struct, a boolean has a byte of its own.
      list.push(type === 1 || type === 2 ? byte() === 1 : readValue(type, depth + 1));
    }
    return list;
  }

  function take(length: number): number {
    if (length > bytes.length - at) throw fail(`expected ${length} more bytes in a header, found ${bytes.length - at}`);
    at += length;
    return at - length;
  }

  function byte(): number {
    return bytes[take(1)];
  }

  function varint(): number {
    let value = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const next = byte();
      value += (next & 127) * 2 ** (7 * i);
      if (next < 128) return value;
    }
    throw fail("expected an integer of 64 bits in a header, found a longer one");
  }

  function zigzag(): number {
    const value = varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

/** A field that is a whole number from 0 to 2^53; `undefined` if it is missing or something else. */
export function count(struct: ThriftStruct | undefined, field: number): number | undefined {
  const value = struct?.get(field);
  return Number.isSafeInteger(value) && value as number >= 0 ? value as number : undefined;
}

/** A field that is a text. */
export function text(struct: ThriftStruct | undefined, field: number): string | undefined {
  return textOf(struct?.get(field));
}

/** The texts of a field that is a list. */
export function texts(struct: ThriftStruct | undefined, field: number): string[] {
  const value = struct?.get(field);
  return Array.isArray(value) ? value.map((element) => textOf(element) ?? "") : [];
}

function textOf(value: ThriftValue | undefined): string | undefined {
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : undefined;
}

/** A field that is a struct. */
export function struct(parent: ThriftStruct | undefined, field: number): ThriftStruct | undefined {
  const value = parent?.get(field);
  return value instanceof Map ? value : undefined;
}

/** The structs of a field that is a list. */
export function structs(parent: ThriftStruct | undefined, field: number): ThriftStruct[] {
  const value = parent?.get(field);
  return Array.isArray(value) ? value.filter((element) => element instanceof Map) : [];
}

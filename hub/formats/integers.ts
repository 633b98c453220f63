/**
 * Integer types, by their names in numpy, torch and safetensors, and their conversion to and from 32 bits.
 *
 * @module
 */

/** An integer type, by its name in numpy and torch. */
export type IntegerDType = "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32" | "uint64" | "int64";

/** The properties of an integer type, and its names in file formats. */
export interface IntegerType {
  /** Bytes per element. */
  readonly bytes: number;
  /** Typed array of its elements; those of 64 bits are `BigInt`s. */
  readonly elements: IntegerElements | typeof BigInt64Array | typeof BigUint64Array;
  /** Its dtype in safetensors files. */
  readonly safetensors: string;
  /** Its type in numpy, without the byte order. */
  readonly numpy: string;
  /** Storage class in torch files, for types that every version of torch has. */
  readonly torch?: string;
}

/** Typed arrays of integers of at most 32 bits. */
export type IntegerElements =
  | typeof Int8Array
  | typeof Uint8Array
  | typeof Int16Array
  | typeof Uint16Array
  | typeof Int32Array
  | typeof Uint32Array;

/** Every integer type. */
export const INTEGER_TYPES: Readonly<Record<IntegerDType, IntegerType>> = {
  uint8: { bytes: 1, elements: Uint8Array, safetensors: "U8", numpy: "u1", torch: "ByteStorage" },
  int8: { bytes: 1, elements: Int8Array, safetensors: "I8", numpy: "i1", torch: "CharStorage" },
  uint16: { bytes: 2, elements: Uint16Array, safetensors: "U16", numpy: "u2" },
  int16: { bytes: 2, elements: Int16Array, safetensors: "I16", numpy: "i2", torch: "ShortStorage" },
  uint32: { bytes: 4, elements: Uint32Array, safetensors: "U32", numpy: "u4" },
  int32: { bytes: 4, elements: Int32Array, safetensors: "I32", numpy: "i4", torch: "IntStorage" },
  uint64: { bytes: 8, elements: BigUint64Array, safetensors: "U64", numpy: "u8" },
  int64: { bytes: 8, elements: BigInt64Array, safetensors: "I64", numpy: "i8", torch: "LongStorage" },
};

/** The type with this name in a file format; `undefined` if it is none of integers. */
export function integerType(format: "safetensors" | "numpy", name: string): IntegerDType | undefined {
  return (Object.keys(INTEGER_TYPES) as IntegerDType[]).find((dtype) => INTEGER_TYPES[dtype][format] === name);
}

/** The type in the header of a `.npy` file, with the byte order of {@linkcode integersToBytes}. */
export function numpyType(dtype: IntegerDType): string {
  const { bytes, numpy } = INTEGER_TYPES[dtype];
  return `${bytes === 1 ? "|" : "<"}${numpy}`;
}

/** The smallest unsigned type for indices of this many codes. */
export function smallestUnsignedType(codes: number): IntegerDType {
  if (codes <= 2 ** 8) return "uint8";
  return codes <= 2 ** 16 ? "uint16" : "uint32";
}

/**
 * Converts numbers to little-endian bytes.
 *
 * @throws {RangeError} if the type cannot hold one of them
 */
export function integersToBytes(values: Int32Array, dtype: IntegerDType): Uint8Array<ArrayBuffer> {
  const { bytes, elements } = INTEGER_TYPES[dtype];
  const data = bytes === 8 ? BigInt64Array.from(values, BigInt) : (elements as IntegerElements).from(values);
  const lost = values.findIndex((value, i) => dtype === "uint64" ? value < 0 : Number(data[i]) !== value);
  if (lost >= 0) {
    throw new RangeError(`Cannot write tokens: ${dtype} does not hold index ${values[lost]} at position ${lost}`);
  }
  return new Uint8Array(data.buffer);
}

/**
 * Converts bytes to numbers.
 *
 * @param data bytes of a whole number of elements
 * @param options.littleEndian their byte order; default true
 * @param options.task the beginning of messages
 * @throws {RangeError} if a number does not fit 32 bits, and so cannot be an index
 */
export function bytesToIntegers(
  data: Uint8Array,
  dtype: IntegerDType,
  { littleEndian = true, task }: { littleEndian?: boolean; task: string },
): Int32Array<ArrayBuffer> {
  const { bytes, elements: Elements } = INTEGER_TYPES[dtype];
  const copy = data.slice();
  if (!littleEndian) {
    for (let at = 0; at < copy.length; at += bytes) {
      copy.subarray(at, at + bytes).reverse();
    }
  }
  const elements = new Elements(copy.buffer);
  const values = new Int32Array(elements.length);
  for (let i = 0; i < values.length; i++) {
    values[i] = Number(elements[i]);
    if (values[i] !== Number(elements[i])) {
      throw new RangeError(`${task}: index ${elements[i]} at position ${i} is beyond 32 bits`);
    }
  }
  return values;
}

/**
 * The integer types of token files.
 *
 * @module
 */

/** An integer type, by its name in numpy and torch. */
export type TokenDType = "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32" | "uint64" | "int64";

/** The properties of an integer type, and its names in file formats. */
export interface IntegerType {
  readonly bytes: number;
  /** Typed array of its elements; those of 64 bits are `BigInt`s. */
  readonly elements: Elements | typeof BigInt64Array | typeof BigUint64Array;
  readonly safetensors: string;
  readonly numpy: string;
  /** Storage class in torch files, for types that every version of torch has. */
  readonly torch?: string;
}

type Elements =
  | typeof Int8Array
  | typeof Uint8Array
  | typeof Int16Array
  | typeof Uint16Array
  | typeof Int32Array
  | typeof Uint32Array;

/** Every integer type. */
export const INTEGER_TYPES: Readonly<Record<TokenDType, IntegerType>> = {
  uint8: { bytes: 1, elements: Uint8Array, safetensors: "U8", numpy: "u1", torch: "ByteStorage" },
  int8: { bytes: 1, elements: Int8Array, safetensors: "I8", numpy: "i1", torch: "CharStorage" },
  uint16: { bytes: 2, elements: Uint16Array, safetensors: "U16", numpy: "u2" },
  int16: { bytes: 2, elements: Int16Array, safetensors: "I16", numpy: "i2", torch: "ShortStorage" },
  uint32: { bytes: 4, elements: Uint32Array, safetensors: "U32", numpy: "u4" },
  int32: { bytes: 4, elements: Int32Array, safetensors: "I32", numpy: "i4", torch: "IntStorage" },
  uint64: { bytes: 8, elements: BigUint64Array, safetensors: "U64", numpy: "u8" },
  int64: { bytes: 8, elements: BigInt64Array, safetensors: "I64", numpy: "i8", torch: "LongStorage" },
};

/** The type with this name in a file format. */
export function integerType(format: "safetensors" | "numpy", name: string): IntegerType | undefined {
  return Object.values(INTEGER_TYPES).find((type) => type[format] === name);
}

/** The smallest type for the indices of a codebook. Torch has no uint16 before version 2.3. */
export function smallestType(codes: number | undefined, { torch }: { torch: boolean }): TokenDType {
  if (codes === undefined) return "int32";
  if (codes <= 2 ** 8) return "uint8";
  if (codes <= (torch ? 2 ** 15 : 2 ** 16)) return torch ? "int16" : "uint16";
  return "int32";
}

/**
 * Converts numbers to little-endian bytes.
 *
 * @throws {RangeError} if the type cannot hold one of them
 */
export function integersToBytes(values: Int32Array, dtype: TokenDType): Uint8Array<ArrayBuffer> {
  const { bytes, elements } = INTEGER_TYPES[dtype];
  const data = bytes === 8 ? BigInt64Array.from(values, BigInt) : (elements as Elements).from(values);
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
 * @throws {RangeError} if a number does not fit 32 bits, and so cannot be an index
 */
export function bytesToIntegers(
  data: Uint8Array,
  type: IntegerType,
  { littleEndian = true, task }: { littleEndian?: boolean; task: string },
): Int32Array<ArrayBuffer> {
  const copy = data.slice();
  if (!littleEndian) {
    for (let at = 0; at < copy.length; at += type.bytes) {
      copy.subarray(at, at + type.bytes).reverse();
    }
  }
  const elements = new type.elements(copy.buffer);
  const values = new Int32Array(elements.length);
  for (let i = 0; i < values.length; i++) {
    values[i] = Number(elements[i]);
    if (values[i] !== Number(elements[i])) {
      throw new RangeError(`${task}: index ${elements[i]} at position ${i} is beyond 32 bits`);
    }
  }
  return values;
}

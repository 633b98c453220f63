/**
 * The element types of weight files, by their safetensors names, and their conversion to float32.
 *
 * @module
 */

/** Converts little-endian elements to float32. They must fill a whole buffer, which may be reused for the result. */
export type Widen = (bytes: Uint8Array<ArrayBuffer>) => Float32Array<ArrayBuffer>;

/** An element type of a weight file. */
export interface ElementType {
  /** Bytes per element. */
  readonly bytes: number;
  /** Converts elements to float32; absent for types that are not floating-point. */
  readonly widen?: Widen;
}

/** Every known element type, by its name in safetensors files. */
export const ELEMENT_TYPES: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ["F64", { bytes: 8, widen: ({ buffer }) => Float32Array.from(new Float64Array(buffer)) }],
  ["F32", { bytes: 4, widen: ({ buffer }) => new Float32Array(buffer) }],
  ["F16", { bytes: 2, widen: widenHalf }],
  ["BF16", { bytes: 2, widen: widenBrainFloat }],
  ["C64", { bytes: 8 }],
  ["I64", { bytes: 8 }],
  ["U64", { bytes: 8 }],
  ["I32", { bytes: 4 }],
  ["U32", { bytes: 4 }],
  ["I16", { bytes: 2 }],
  ["U16", { bytes: 2 }],
  ["I8", { bytes: 1 }],
  ["U8", { bytes: 1 }],
  ["F8_E4M3", { bytes: 1 }],
  ["F8_E5M2", { bytes: 1 }],
  ["F8_E8M0", { bytes: 1 }],
  ["BOOL", { bytes: 1 }],
]);

/** Number of elements of a shape; `undefined` if it is not an integer from 0 to 2^53. */
export function countElements(shape: readonly number[]): number | undefined {
  let count = 1;
  for (const side of shape) {
    count *= side;
    if (!Number.isSafeInteger(side) || side < 0 || !Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

/** A bfloat16 is the upper half of a float32. */
function widenBrainFloat({ buffer }: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const wide = Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16);
  return new Float32Array(wide.buffer);
}

function widenHalf({ buffer }: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const values = allHalves ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => halfToNumber(bits));
  const halves = new Uint16Array(buffer);
  const wide = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) wide[i] = values[halves[i]];
  return wide;
}

/** The values of all 65536 half floats, computed on first use. */
let allHalves: Float32Array<ArrayBuffer> | undefined;

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * (1 + fraction) * 2 ** (exponent - 15) : sign * fraction * 2 ** -14;
}

/**
 * Decodes the encodings of values in Parquet pages. Every run is checked before it is expanded.
 *
 * @module
 */

import type { Fail } from "./thrift.ts";

/** Bytes that are read in order. */
export interface Cursor {
  /** The bytes. */
  readonly bytes: Uint8Array;
  /** Offset of the next one. */
  at: number;
  /** Makes the error for damaged bytes. */
  readonly fail: Fail;
}

/** Takes the next bytes. */
export function take(cursor: Cursor, length: number): Uint8Array {
  const { bytes, at, fail } = cursor;
  if (length < 0 || length > bytes.length - at) {
    throw fail(`expected ${length} more bytes in a page, found ${bytes.length - at}`);
  }
  cursor.at += length;
  return bytes.subarray(at, at + length);
}

/** Takes a 32-bit integer without sign. */
export function takeUint32(cursor: Cursor): number {
  const bytes = take(cursor, 4);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

/** Takes an integer of seven bits a byte. */
function takeVarint(cursor: Cursor): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const [byte] = take(cursor, 1);
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return value;
  }
  throw cursor.fail("expected an integer of 64 bits in a page, found a longer one");
}

function takeZigzag(cursor: Cursor): bigint {
  const value = takeVarint(cursor);
  return value >> 1n ^ -(value & 1n);
}

/**
 * Decodes runs of equal numbers and groups of packed ones (RLE / bit-packing hybrid).
 *
 * @param width bits per number, at most 32
 * @param values the result, whose length says how many there are
 */
export function decodeRuns<T extends Uint8Array | Int32Array>(cursor: Cursor, width: number, values: T): T {
  if (width > 32) throw cursor.fail(`expected numbers of at most 32 bits in a page, found ${width}`);
  if (width === 0) return values; // all 0; some writers then leave out the runs
  for (let done = 0; done < values.length;) {
    const head = Number(takeVarint(cursor));
    const left = values.length - done;
    if (head % 2 === 0) {
      const length = head / 2;
      if (length === 0 || length > left) throw cursor.fail(`expected a run of 1 to ${left} values, found ${length}`);
      const bytes = take(cursor, Math.ceil(width / 8));
      done += length;
      values.fill(bytes.reduceRight((value, byte) => value << 8 | byte, 0), done - length, done);
    } else {
      const groups = (head - 1) / 2;
      if (groups === 0 || groups > Math.ceil(left / 8)) {
        throw cursor.fail(`expected 1 to ${Math.ceil(left / 8)} groups of eight values, found ${groups}`);
      }
      const length = Math.min(8 * groups, left);
      // The last group may be cut short by writers that leave out its padding.
      const packed = take(cursor, Math.min(groups * width, cursor.bytes.length - cursor.at));
      if (packed.length * 8 < length * width) throw cursor.fail(`expected ${length} packed values, found fewer`);
      for (let i = 0; i < length; i++) values[done + i] = bitsAt(packed, i * width, width);
      done += length;
    }
  }
  return values;
}

/** A number of `width` bits, the lowest first. */
function bitsAt(bytes: Uint8Array, start: number, width: number): number {
  let value = 0;
  for (let done = 0; done < width;) {
    const at = start + done;
    const bits = Math.min(8 - at % 8, width - done);
    value |= (bytes[at >> 3] >> at % 8 & (1 << bits) - 1) << done;
    done += bits;
  }
  return value;
}

/** Decodes little-endian integers of 4 or 8 bytes into 32 bits; `narrow` makes an index of one of 64 bits. */
export function decodePlainIntegers(
  cursor: Cursor,
  length: number,
  { bytes, narrow }: { bytes: 4 | 8; narrow: (value: bigint) => number },
): Int32Array {
  const data = take(cursor, length * bytes).slice().buffer;
  return bytes === 4 ? new Int32Array(data) : Int32Array.from(new BigInt64Array(data), narrow);
}

/** Decodes byte arrays, each after its length. */
export function decodePlainBytes(cursor: Cursor, length: number): Uint8Array[] {
  const values: Uint8Array[] = [];
  while (values.length < length) values.push(take(cursor, takeUint32(cursor)));
  return values;
}

/** Decodes integers stored as differences in packed blocks (DELTA_BINARY_PACKED). */
export function decodeDeltas(cursor: Cursor, length: number, narrow: (value: bigint) => number): Int32Array {
  if (length === 0) return new Int32Array();
  const [blockSize, miniblocks, total] = [0, 0, 0].map(() => Number(takeVarint(cursor)));
  const perMiniblock = blockSize / miniblocks;
  if (total !== length || miniblocks > blockSize || perMiniblock % 32 !== 0) {
    throw cursor.fail(
      `expected ${length} differences in blocks of multiples of 32, found ${total} in ${miniblocks} of ${blockSize}`,
    );
  }
  const values = new Int32Array(length);
  let value = takeZigzag(cursor);
  values[0] = narrow(value);
  let done = 1;
  while (done < length) {
    const smallest = takeZigzag(cursor);
    const widths = take(cursor, miniblocks);
    for (let i = 0; i < miniblocks && done < length; i++) {
      if (widths[i] > 64) throw cursor.fail(`expected differences of at most 64 bits, found ${widths[i]}`);
      const packed = take(cursor, perMiniblock / 8 * widths[i]);
      for (let j = 0; j < perMiniblock && done < length; j++) {
        value = BigInt.asIntN(64, value + smallest + wideBitsAt(packed, j * widths[i], widths[i]));
        values[done++] = narrow(value);
      }
    }
  }
  return values;
}

function wideBitsAt(bytes: Uint8Array, start: number, width: number): bigint {
  const low = BigInt(bitsAt(bytes, start, Math.min(width, 32)) >>> 0);
  return width <= 32 ? low : low | BigInt(bitsAt(bytes, start + 32, width - 32) >>> 0) << 32n;
}

/** Decodes byte arrays after all their lengths (DELTA_LENGTH_BYTE_ARRAY). */
export function decodeDeltaLengths(cursor: Cursor, length: number): Uint8Array[] {
  const lengths = decodeDeltas(cursor, length, (value) => value >= 0n && value < 2n ** 31n ? Number(value) : -1);
  return Array.from(lengths, (size) => take(cursor, size));
}

/**
 * Damage to bytes of any kind.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Random } from "../random.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

/** Makes a damaged input from another one. Takes any bytes. */
export type Mutate = (bytes: Bytes, random: Random) => Bytes;

/** Numbers at which sizes, offsets and counts overflow. */
export const NUMBERS = [
  ...[0, 1, 2, 3, 7, 8, 9, 16, 32, 63, 64, 100, 127, 128, 255, 256, 1000, 4095, 4096],
  ...[2 ** 15 - 1, 2 ** 15, 2 ** 16 - 1, 2 ** 16, 2 ** 20, 2 ** 24, 2 ** 30, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1],
];

/** The most bytes that one repetition adds. */
const MOST_REPEATED = 65_536;

const EDITS: readonly Mutate[] = [flipBit, putNumber, putNumber, repeatPart, insertNoise, cutPart, cutEnd];

/** Flips, overwrites, repeats, inserts or cuts bytes; half the time near the beginning, where headers are. */
export const mutateBytes: Mutate = (bytes, random) => random.pick(EDITS)(bytes, random);

function flipBit(bytes: Bytes, random: Random): Bytes {
  const changed = bytes.slice();
  changed[somewhere(bytes, random)] ^= 1 << random.below(8);
  return changed;
}

/** An interesting number, as 1 to 8 bytes in either order. */
function putNumber(bytes: Bytes, random: Random): Bytes {
  const changed = bytes.slice();
  const at = somewhere(bytes, random);
  const number = numberBytes(random.pick([1, 2, 4, 8]), random);
  changed.set(number.subarray(0, Math.max(0, bytes.length - at)), at);
  return changed;
}

/** One of {@linkcode NUMBERS}, its negative, or anything, in that many bytes, in either order. */
export function numberBytes(length: number, random: Random): Bytes {
  const number = random.chance(0.8) ? random.pick(NUMBERS) : random.below(2 ** 32);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(random.chance(0.1) ? -number : number), true);
  const cut = bytes.slice(0, length);
  return random.chance(0.5) ? cut : cut.reverse();
}

function repeatPart(bytes: Bytes, random: Random): Bytes {
  const [start, end] = partOf(bytes, random);
  if (start === end) return bytes;
  const times = Math.min(random.pick([1, 2, 100, 10_000]), Math.ceil(MOST_REPEATED / (end - start)));
  const part = bytes.subarray(start, end);
  return concat([bytes.subarray(0, start), ...Array(times).fill(part), bytes.subarray(start)]);
}

function insertNoise(bytes: Bytes, random: Random): Bytes {
  const at = somewhere(bytes, random);
  const noise = Uint8Array.from({ length: 1 + random.below(16) }, () => random.below(256));
  return concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
}

function cutPart(bytes: Bytes, random: Random): Bytes {
  const [start, end] = partOf(bytes, random);
  return concat([bytes.subarray(0, start), bytes.subarray(end)]);
}

function cutEnd(bytes: Bytes, random: Random): Bytes {
  return bytes.slice(0, random.below(bytes.length + 1));
}

function partOf(bytes: Bytes, random: Random): [start: number, end: number] {
  const start = somewhere(bytes, random);
  return [start, Math.min(bytes.length, start + 1 + random.below(64))];
}

function somewhere(bytes: Bytes, random: Random): number {
  return random.below(random.chance(0.5) ? Math.min(64, bytes.length) : bytes.length);
}

/** Concatenates bytes. */
export function concat(parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The bytes of a text, each character a byte. */
export function latin1(text: string): Bytes {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** The text of bytes, each byte a character. */
export function textOf(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** A whole number as 4 bytes, big-endian. */
export function u32(value: number): Bytes {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** A view of the same bytes. */
export function viewOf(bytes: Bytes): DataView<ArrayBuffer> {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

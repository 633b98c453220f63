/**
 * Sequential reads of little-endian numbers and text, never past the end.
 *
 * @module
 */

import { WeightsError } from "../../errors.ts";

/** The bytes ended too early. */
export class EndOfBytesError extends WeightsError {}

/** A position in bytes that advances with each read. */
export class ByteCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #name: string;
  #position = 0;

  /** Starts at the first byte. `name` is used in messages. */
  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#name = name;
  }

  /** Number of bytes read. */
  get position(): number {
    return this.#position;
  }

  /** Number of bytes left. */
  get left(): number {
    return this.#bytes.length - this.#position;
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** The next `length` bytes as UTF-8. */
  text(length: number): string {
    return new TextDecoder().decode(this.take(length));
  }

  /** The text up to the next line feed, which is skipped. */
  line(): string {
    const length = this.#bytes.indexOf(10, this.#position) - this.#position;
    const text = this.text(length < 0 ? this.left + 1 : length);
    this.#position++;
    return text;
  }

  /** A byte. */
  u8(): number {
    return this.#bytes[this.#advance(1)];
  }

  /** An unsigned 16-bit number. */
  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  /** An unsigned 32-bit number. */
  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  /** A signed 32-bit number. */
  i32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  /** An unsigned 64-bit number, rounded above 2^53, which is more than the size of any file. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }

  /** A big-endian 64-bit float, as in pickles. */
  f64BigEndian(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  #advance(length: number): number {
    if (length > this.left) {
      throw new EndOfBytesError(
        `Cannot read ${this.#name}: it ends where ${length} more bytes were expected. It is damaged; fetch it again`,
      );
    }
    const start = this.#position;
    this.#position += length;
    return start;
  }
}

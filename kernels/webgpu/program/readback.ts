/**
 * Bringing buffers to the host: one copy and one wait for any number of them, as a wait takes some ten milliseconds; but
 * what is large comes piece by piece, as the copy lies in the device's memory, too.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { noticeLoss } from "../device/device.ts";
import type { BufferPool } from "../device/buffer_pool.ts";
import { bands, WORD } from "../record/feature_map.ts";

/** Offsets of mapped ranges are multiples of this many bytes. */
const GRAIN = 8;

/** The most bytes to bring at once. */
export const PIECE = 32 << 20;

/** Bytes of a buffer to bring. */
interface Source {
  readonly buffer: GPUBuffer;
  /** Where they begin. Default 0. */
  readonly offset?: number;
  readonly bytes: number;
}

/** Copies of buffers, on their way to the host. */
export class Readback {
  readonly #pool: BufferPool;
  readonly #staging: GPUBuffer;
  readonly #bytes: number;
  readonly #ranges: { offset: number; bytes: number }[] = [];

  /** Records the copying; it is done when the encoder's commands are. */
  constructor(pool: BufferPool, encoder: GPUCommandEncoder, sources: readonly Source[]) {
    let end = 0;
    for (const { bytes } of sources) {
      this.#ranges.push({ offset: end, bytes });
      end += Math.ceil(bytes / GRAIN) * GRAIN;
    }
    this.#pool = pool;
    this.#bytes = end;
    this.#staging = pool.acquire(end, "reading back", "readback");
    sources.forEach(({ buffer, offset = 0, bytes }, i) => {
      encoder.copyBufferToBuffer(buffer, offset, this.#staging, this.#ranges[i].offset, bytes);
    });
  }

  /**
   * Waits for the copies, in the order of the sources.
   *
   * @throws {DeviceError} if the device was lost or disposed of meanwhile, or has no memory for the copies
   */
  async read(): Promise<ArrayBuffer[]> {
    try {
      await this.#staging.mapAsync(GPUMapMode.READ, 0, this.#bytes);
      const copies = this.#ranges.map(({ offset, bytes }) => this.#staging.getMappedRange(offset, bytes).slice(0));
      this.#staging.unmap();
      return copies;
    } catch (cause) {
      await noticeLoss();
      await this.#pool.confirm([this.#staging]);
      throw new DeviceError(`Cannot read a tensor back: the device failed or was disposed (${cause})`, { cause });
    }
  }

  [Symbol.dispose](): void {
    this.#pool.release(this.#staging);
  }
}

/** Brings a buffer, whose contents must stay meanwhile, in pieces of one size: they take turns in the same memory. */
export async function readBuffer(
  device: GPUDevice,
  pool: BufferPool,
  { buffer, bytes }: Source,
): Promise<ArrayBuffer> {
  const whole = new Uint8Array(bytes);
  for (const [from, to] of bands(bytes / WORD, PIECE / WORD)) {
    const encoder = device.createCommandEncoder();
    const offset = from * WORD;
    using readback = new Readback(pool, encoder, [{ buffer, offset, bytes: to * WORD - offset }]);
    device.queue.submit([encoder.finish()]);
    const [piece] = await readback.read();
    whole.set(new Uint8Array(piece), offset);
  }
  return whole.buffer;
}

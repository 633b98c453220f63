/**
 * Copies buffers to the host: several with one wait, which takes some 10 ms; large ones in pieces, as the staging buffer
 * is in the device's memory, too.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { noticeLoss } from "../device/device.ts";
import type { BufferPool } from "../device/buffer_pool.ts";
import { bands, WORD } from "../record/feature_map.ts";

/** Alignment of mapped ranges, in bytes. */
const MAP_ALIGNMENT = 8;

/** Most bytes to copy at once. */
export const PIECE = 32 << 20;

/** A range of a buffer to copy. */
interface Source {
  readonly buffer: GPUBuffer;
  /** Byte offset in the buffer. Default 0. */
  readonly offset?: number;
  readonly bytes: number;
}

/** A copy of buffers to the host. */
export class Readback {
  readonly #pool: BufferPool;
  readonly #staging: GPUBuffer;
  readonly #bytes: number;
  readonly #ranges: { offset: number; bytes: number }[] = [];

  /** Encodes the copy, which runs when the encoder's commands do. */
  constructor(pool: BufferPool, encoder: GPUCommandEncoder, sources: readonly Source[]) {
    let end = 0;
    for (const { bytes } of sources) {
      this.#ranges.push({ offset: end, bytes });
      end += Math.ceil(bytes / MAP_ALIGNMENT) * MAP_ALIGNMENT;
    }
    this.#pool = pool;
    this.#bytes = end;
    this.#staging = pool.acquire(end, "reading back", "readback");
    sources.forEach(({ buffer, offset = 0, bytes }, i) => {
      encoder.copyBufferToBuffer(buffer, offset, this.#staging, this.#ranges[i].offset, bytes);
    });
  }

  /**
   * Waits for the copies, returns them in the order of the sources, and releases the staging buffer. Call it once.
   *
   * @throws {DeviceError} if the device was lost or disposed meanwhile, or has no memory for the staging buffer
   */
  async take(): Promise<ArrayBuffer[]> {
    try {
      await this.#staging.mapAsync(GPUMapMode.READ, 0, this.#bytes);
      const copies = this.#ranges.map(({ offset, bytes }) => this.#staging.getMappedRange(offset, bytes).slice(0));
      this.#staging.unmap();
      return copies;
    } catch (cause) {
      await noticeLoss();
      await this.#pool.confirm([this.#staging]);
      throw new DeviceError(`Cannot read a tensor back: the device failed or was disposed (${cause})`, { cause });
    } finally {
      this.#pool.release(this.#staging);
    }
  }
}

/** Copies a buffer, whose contents must not change meanwhile, in pieces that use the same staging buffer in turn. */
export async function readBuffer(
  device: GPUDevice,
  pool: BufferPool,
  { buffer, bytes }: Source,
): Promise<ArrayBuffer> {
  const whole = new Uint8Array(bytes);
  for (const [from, to] of bands(bytes / WORD, PIECE / WORD)) {
    const encoder = device.createCommandEncoder();
    const offset = from * WORD;
    const readback = new Readback(pool, encoder, [{ buffer, offset, bytes: to * WORD - offset }]);
    device.queue.submit([encoder.finish()]);
    const [piece] = await readback.take();
    whole.set(new Uint8Array(piece), offset);
  }
  return whole.buffer;
}

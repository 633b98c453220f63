/**
 * Times compute passes with the device's timestamps.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import type { BufferPool } from "./buffer_pool.ts";

/** Passes of one query set, with two queries each: WebGPU allows 4096. */
const PASSES = 2048;
/** Bytes of a timestamp, a 64-bit number of nanoseconds. */
const TIMESTAMP = 8;

/** Times the passes of one submission. */
export class Stopwatch {
  readonly #device: GPUDevice;
  readonly #pool: BufferPool;
  readonly #bytes: number;
  readonly #sets: GPUQuerySet[];
  readonly #resolved: GPUBuffer;

  /**
   * Creates the queries of `passes` passes.
   *
   * @throws {DeviceError} if the device lacks the feature `timestamp-query`
   */
  constructor(device: GPUDevice, pool: BufferPool, passes: number) {
    if (!device.features.has("timestamp-query")) {
      throw new DeviceError(
        "Cannot profile on this device: it lacks the feature timestamp-query. Pass a device with it, " +
          'or use device: "wasm"',
      );
    }
    this.#device = device;
    this.#pool = pool;
    this.#bytes = 2 * passes * TIMESTAMP;
    this.#sets = Array.from(
      { length: Math.ceil(passes / PASSES) },
      (_, i) => device.createQuerySet({ type: "timestamp", count: 2 * Math.min(PASSES, passes - i * PASSES) }),
    );
    this.#resolved = device.createBuffer({
      size: this.#bytes,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
  }

  /** The descriptor of pass number `i`. */
  pass(i: number): GPUComputePassDescriptor {
    const first = 2 * (i % PASSES);
    return {
      timestampWrites: {
        querySet: this.#sets[Math.floor(i / PASSES)],
        beginningOfPassWriteIndex: first,
        endOfPassWriteIndex: first + 1,
      },
    };
  }

  /** Waits for the submitted passes and returns the milliseconds of each. */
  async read(): Promise<number[]> {
    const staging = this.#pool.acquire(this.#bytes, "timestamps", "readback");
    try {
      const encoder = this.#device.createCommandEncoder();
      this.#sets.forEach((set, i) => {
        encoder.resolveQuerySet(set, 0, set.count, this.#resolved, i * 2 * PASSES * TIMESTAMP);
      });
      encoder.copyBufferToBuffer(this.#resolved, 0, staging, 0, this.#bytes);
      this.#device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ, 0, this.#bytes);
      const times = new BigUint64Array(staging.getMappedRange(0, this.#bytes).slice(0));
      staging.unmap();
      return Array.from({ length: times.length / 2 }, (_, i) => Number(times[2 * i + 1] - times[2 * i]) / 1e6);
    } catch (cause) {
      throw new DeviceError(`Cannot profile: the device failed or was disposed (${cause})`, { cause });
    } finally {
      this.#pool.release(staging);
    }
  }

  /** Frees the queries. */
  dispose(): void {
    for (const set of this.#sets) set.destroy();
    this.#resolved.destroy();
  }
}

/**
 * Device memory: buffers that return to a pool when a tensor or a program lets go of them.
 *
 * Commands run in the order they were submitted, so a buffer may be handed out again while the device still reads it:
 * whoever gets it next is served after.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";

/** Kernels read and write `storage` buffers; `readback` ones can be mapped to the host. */
export type BufferUse = "storage" | "readback";

const GRAIN = 256;

/**
 * Refuses a buffer that is too large for a device.
 *
 * @throws {DeviceError}
 */
export function checkBufferSize(size: number, limit: number): void {
  if (size <= limit) return;
  throw new DeviceError(
    `Cannot allocate ${size} bytes: one buffer of this device holds ${limit}. Use a smaller picture or batch`,
  );
}

/** Hands out buffers and takes them back. */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #idle: Record<BufferUse, GPUBuffer[]> = { storage: [], readback: [] };
  readonly #lent = new Set<GPUBuffer>();
  #bytes = 0;
  #disposed = false;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Bytes of all buffers, in use or idle. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * A buffer of at least `bytes` bytes with undefined contents.
   *
   * @throws {DeviceError} if one buffer cannot be that large on this device, or the pool was disposed
   */
  acquire(bytes: number, use: BufferUse = "storage"): GPUBuffer {
    if (this.#disposed) throw new DeviceError("Cannot use this device memory: the model it belongs to was disposed");
    const size = Math.max(GRAIN, Math.ceil(bytes / GRAIN) * GRAIN);
    const buffer = this.#reuse(size, use) ?? this.#create(size, use);
    this.#lent.add(buffer);
    return buffer;
  }

  /** Takes a buffer back. */
  release(buffer: GPUBuffer): void {
    if (!this.#lent.delete(buffer)) return; // the pool was disposed meanwhile
    const use = buffer.usage & GPUBufferUsage.MAP_READ ? "readback" : "storage";
    this.#idle[use].push(buffer);
  }

  /** Gives idle buffers back to the system. */
  trim(): void {
    for (const use of ["storage", "readback"] as const) {
      for (const buffer of this.#idle[use].splice(0)) this.#destroy(buffer);
    }
  }

  /** Destroys every buffer, also those in use. */
  dispose(): void {
    this.#disposed = true;
    this.trim();
    for (const buffer of this.#lent) this.#destroy(buffer);
    this.#lent.clear();
  }

  /** The smallest idle buffer that fits without wasting more than a quarter. */
  #reuse(size: number, use: BufferUse): GPUBuffer | undefined {
    const idle = this.#idle[use];
    let best = -1;
    idle.forEach((buffer, i) => {
      const fits = buffer.size >= size && buffer.size <= size * 1.25 + GRAIN;
      if (fits && (best < 0 || buffer.size < idle[best].size)) best = i;
    });
    return best < 0 ? undefined : idle.splice(best, 1)[0];
  }

  #create(size: number, use: BufferUse): GPUBuffer {
    checkBufferSize(size, this.#device.limits.maxBufferSize);
    const usage = use === "readback"
      ? GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST
      : GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    this.#bytes += size;
    return this.#device.createBuffer({ size, usage });
  }

  #destroy(buffer: GPUBuffer): void {
    this.#bytes -= buffer.size;
    buffer.destroy();
  }
}

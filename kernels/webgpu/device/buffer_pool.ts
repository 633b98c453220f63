/**
 * A pool of device buffers, reused when tensors and programs release them.
 *
 * Commands run in the order they were submitted, so a released buffer may be reused while the device still reads it: its
 * next user's commands run later.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { HighWater } from "../../host/high_water.ts";

/** Thrown if the device has no memory for a buffer. */
export class OutOfMemoryError extends DeviceError {}

/** `storage`: kernels read and write it. `readback`: it can be mapped to the host. */
export type BufferUse = "storage" | "readback";

/** Sizes of buffers are multiples of this many bytes, so that more of them can be reused. */
const SIZE_STEP = 256;

/** Bytes by which idle buffers may always exceed what is needed. */
const MIN_EXCESS = 2 ** 20;

/**
 * Checks that a buffer is not too large for a device.
 *
 * @throws {DeviceError} if it is
 */
export function checkBufferSize(size: number, label: string, limit: number): void {
  if (size <= limit) return;
  throw new DeviceError(
    `Cannot allocate ${size} bytes for ${label}: a buffer of this device has at most ${limit}. Use a smaller picture or batch`,
  );
}

/** Creates buffers and reuses those that were released. */
export class BufferPool {
  readonly #device: GPUDevice;
  /** In the order they were released. */
  readonly #idle: GPUBuffer[] = [];
  readonly #used = new Set<GPUBuffer>();
  /** For each new buffer, the device's error if it could not be allocated. */
  readonly #errors = new WeakMap<GPUBuffer, Promise<GPUError | null>>();
  /** Bytes of all buffers above which idle ones are destroyed before a new one is created. */
  limit = Infinity;
  #bytes = 0;
  #usedBytes = 0;
  /** Peak of the bytes in use since the last call ended. */
  #peak = 0;
  readonly #needed = new HighWater();
  #disposed = false;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Bytes of all buffers, in use or idle. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes of the buffers in use. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * Returns a buffer of at least `bytes` bytes with undefined contents. Check with {@linkcode BufferPool.confirm} that the
   * device had memory for it.
   *
   * @param label names its purpose in messages
   * @param before the buffer of the last run: taken if it is idle, so that bind groups with it can be reused
   * @throws {DeviceError} if a buffer of this device cannot be that large, or the pool was disposed
   */
  acquire(bytes: number, label: string, use: BufferUse = "storage", before?: GPUBuffer): GPUBuffer {
    if (this.#disposed) {
      throw new DeviceError("Cannot allocate device memory: its model was disposed, or its device lost");
    }
    const size = Math.max(SIZE_STEP, Math.ceil(bytes / SIZE_STEP) * SIZE_STEP);
    const buffer = this.#removeIdle(before) ?? this.#reuse(size, use) ?? this.#create(size, label, use);
    this.#used.add(buffer);
    this.#usedBytes += buffer.size;
    this.#peak = Math.max(this.#peak, this.#usedBytes);
    return buffer;
  }

  /**
   * Waits until the device has allocated these buffers.
   *
   * @throws {OutOfMemoryError} if it had no memory for one of them
   */
  async confirm(buffers: readonly GPUBuffer[]): Promise<void> {
    const errors = await Promise.all(buffers.map((buffer) => this.#errors.get(buffer)));
    const refused = buffers.filter((_, i) => errors[i]);
    if (refused.length === 0) return;
    const [{ size, label }] = refused;
    throw new OutOfMemoryError(
      `Cannot allocate ${size} bytes for ${label}: the device has no memory left, ${this.#bytes} bytes were in use. ` +
        "Use a smaller picture or batch, or a lower memory limit",
      { cause: errors.find((error) => error) },
    );
  }

  /** Returns a buffer to the pool. */
  release(buffer: GPUBuffer): void {
    if (this.#removeUsed(buffer)) this.#idle.push(buffer); // otherwise the pool was disposed
  }

  /**
   * Marks the end of a call. Destroys idle buffers, the least recently used first, if all buffers take more than twice the
   * bytes that one of the last calls needed. Shapes that alternate keep theirs.
   */
  endCall(): void {
    this.#needed.note(this.#peak);
    this.#peak = this.#usedBytes;
    const needed = this.#needed.bytes;
    if (this.#bytes - needed <= Math.max(MIN_EXCESS, needed)) return;
    while (this.#bytes > needed && this.#idle.length > 0) this.#destroy(this.#idle.shift()!);
  }

  /** Destroys idle buffers. */
  trim(): void {
    for (const buffer of this.#idle.splice(0)) this.#destroy(buffer);
  }

  /** Destroys every buffer, also those in use. */
  dispose(): void {
    this.#disposed = true;
    this.trim();
    for (const buffer of this.#used) this.#forget(buffer);
  }

  #removeIdle(buffer: GPUBuffer | undefined): GPUBuffer | undefined {
    const at = buffer ? this.#idle.indexOf(buffer) : -1;
    return at < 0 ? undefined : this.#idle.splice(at, 1)[0];
  }

  #removeUsed(buffer: GPUBuffer): boolean {
    if (!this.#used.delete(buffer)) return false;
    this.#usedBytes -= buffer.size;
    return true;
  }

  /** The smallest idle buffer that fits and is at most a quarter larger; not larger at all if memory is limited. */
  #reuse(size: number, use: BufferUse): GPUBuffer | undefined {
    const idle = this.#idle;
    const largest = this.limit === Infinity ? size * 1.25 + SIZE_STEP : size;
    let best = -1;
    idle.forEach((buffer, i) => {
      const fits = useOf(buffer) === use && buffer.size >= size && buffer.size <= largest;
      if (fits && (best < 0 || buffer.size < idle[best].size)) best = i;
    });
    return best < 0 ? undefined : idle.splice(best, 1)[0];
  }

  #create(size: number, label: string, use: BufferUse): GPUBuffer {
    checkBufferSize(size, label, this.#device.limits.maxBufferSize);
    const usage = use === "readback"
      ? GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST
      : GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    if (this.#bytes + size > this.limit) this.trim();
    this.#bytes += size;
    this.#device.pushErrorScope("out-of-memory");
    const buffer = this.#device.createBuffer({ label, size, usage });
    const allocation = this.#device.popErrorScope().then((error) => {
      if (error) this.#forget(buffer);
      return error;
    });
    this.#errors.set(buffer, allocation);
    return buffer;
  }

  /** Removes a buffer from the pool and destroys it. */
  #forget(buffer: GPUBuffer): void {
    if (this.#removeIdle(buffer) || this.#removeUsed(buffer)) this.#destroy(buffer);
  }

  #destroy(buffer: GPUBuffer): void {
    this.#bytes -= buffer.size;
    buffer.destroy();
  }
}

function useOf({ usage }: GPUBuffer): BufferUse {
  return usage & GPUBufferUsage.MAP_READ ? "readback" : "storage";
}

/**
 * Device memory: buffers that return to a pool when a tensor or a program lets go of them.
 *
 * Commands run in the order they were submitted, so a buffer may be handed out again while the device still reads it:
 * whoever gets it next is served after.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { HighWater } from "../../host/high_water.ts";

/** The device could not provide a buffer. */
export class OutOfMemoryError extends DeviceError {}

/** Kernels read and write `storage` buffers; `readback` ones can be mapped to the host. */
export type BufferUse = "storage" | "readback";

const GRAIN = 256;

/** Idle buffers of fewer bytes than this are kept anyway. */
const LEAST_EXCESS = 2 ** 20;

/**
 * Refuses a buffer that is too large for a device.
 *
 * @throws {DeviceError}
 */
export function checkBufferSize(size: number, label: string, limit: number): void {
  if (size <= limit) return;
  throw new DeviceError(
    `Cannot allocate ${size} bytes for ${label}: one buffer of this device holds ${limit}. Use a smaller picture or batch`,
  );
}

/** Hands out buffers and takes them back. */
export class BufferPool {
  readonly #device: GPUDevice;
  /** Those that were released last come last. */
  readonly #idle: GPUBuffer[] = [];
  readonly #lent = new Set<GPUBuffer>();
  /** What the device said of new buffers. */
  readonly #answers = new WeakMap<GPUBuffer, Promise<GPUError | null>>();
  /** Bytes of all buffers beyond which idle ones are given back before others are made. */
  limit = Infinity;
  #bytes = 0;
  #lentBytes = 0;
  /** The most bytes that were lent since the last call ended. */
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
  get lent(): number {
    return this.#lentBytes;
  }

  /**
   * A buffer of at least `bytes` bytes with undefined contents. Whether the device could provide it,
   * {@linkcode BufferPool.confirm} says later.
   *
   * @param label what for, in messages
   * @param before the buffer that served last time: taken if it is idle, so that what was bound to it still is
   * @throws {DeviceError} if one buffer cannot be that large on this device, or the pool was disposed
   */
  acquire(bytes: number, label: string, use: BufferUse = "storage", before?: GPUBuffer): GPUBuffer {
    if (this.#disposed) {
      throw new DeviceError("Cannot use this device memory: its model was disposed, or its device lost");
    }
    const size = Math.max(GRAIN, Math.ceil(bytes / GRAIN) * GRAIN);
    const buffer = this.#takeBack(before) ?? this.#reuse(size, use) ?? this.#create(size, label, use);
    this.#lent.add(buffer);
    this.#lentBytes += buffer.size;
    this.#peak = Math.max(this.#peak, this.#lentBytes);
    return buffer;
  }

  /**
   * Waits for what the device says of buffers that were acquired.
   *
   * @throws {OutOfMemoryError} if it could not provide one of them
   */
  async confirm(buffers: readonly GPUBuffer[]): Promise<void> {
    const answers = await Promise.all(buffers.map((buffer) => this.#answers.get(buffer)));
    const refused = buffers.filter((_, i) => answers[i]);
    if (refused.length === 0) return;
    const [{ size, label }] = refused;
    throw new OutOfMemoryError(
      `Cannot allocate ${size} bytes for ${label}: the device has no memory left, ${this.#bytes} bytes were in use. ` +
        "Use a smaller picture or batch, or a lower memory limit",
      { cause: answers.find((answer) => answer) },
    );
  }

  /** Takes a buffer back. */
  release(buffer: GPUBuffer): void {
    if (this.#takeFromLent(buffer)) this.#idle.push(buffer); // unless the pool was disposed meanwhile
  }

  /**
   * Takes note that a call has ended. Gives idle buffers back to the system, those that were used least recently first, if
   * all buffers are more than twice what one of the last calls needed: shapes that alternate find theirs again.
   */
  endCall(): void {
    this.#needed.note(this.#peak);
    this.#peak = this.#lentBytes;
    const needed = this.#needed.bytes;
    if (this.#bytes - needed <= Math.max(LEAST_EXCESS, needed)) return;
    while (this.#bytes > needed && this.#idle.length > 0) this.#destroy(this.#idle.shift()!);
  }

  /** Gives idle buffers back to the system. */
  trim(): void {
    for (const buffer of this.#idle.splice(0)) this.#destroy(buffer);
  }

  /** Destroys every buffer, also those in use. */
  dispose(): void {
    this.#disposed = true;
    this.trim();
    for (const buffer of this.#lent) this.#forget(buffer);
  }

  #takeBack(buffer: GPUBuffer | undefined): GPUBuffer | undefined {
    const at = buffer ? this.#idle.indexOf(buffer) : -1;
    return at < 0 ? undefined : this.#idle.splice(at, 1)[0];
  }

  #takeFromLent(buffer: GPUBuffer): boolean {
    if (!this.#lent.delete(buffer)) return false;
    this.#lentBytes -= buffer.size;
    return true;
  }

  /** The smallest idle buffer that fits without wasting more than a quarter; where memory is limited, without any waste. */
  #reuse(size: number, use: BufferUse): GPUBuffer | undefined {
    const idle = this.#idle;
    const largest = this.limit === Infinity ? size * 1.25 + GRAIN : size;
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
    const answer = this.#device.popErrorScope().then((error) => {
      if (error) this.#forget(buffer);
      return error;
    });
    this.#answers.set(buffer, answer);
    return buffer;
  }

  /** Lets no one have a buffer any more that there never was. */
  #forget(buffer: GPUBuffer): void {
    if (this.#takeBack(buffer) || this.#takeFromLent(buffer)) this.#destroy(buffer);
  }

  #destroy(buffer: GPUBuffer): void {
    this.#bytes -= buffer.size;
    buffer.destroy();
  }
}

function useOf({ usage }: GPUBuffer): BufferUse {
  return usage & GPUBufferUsage.MAP_READ ? "readback" : "storage";
}

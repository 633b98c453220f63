/** How many bytes of buffers every WebGPU device of this process holds, whoever created them. */

const sizes = new WeakMap<GPUBuffer, number>();
let held = 0;
let peak = 0;

/** Starts counting. Buffers made before do not count. */
export function countGpuBuffers(): void {
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    sizes.set(buffer, descriptor.size);
    held += descriptor.size;
    peak = Math.max(peak, held);
    return buffer;
  };
  const { destroy } = GPUBuffer.prototype;
  GPUBuffer.prototype.destroy = function () {
    held -= sizes.get(this) ?? 0;
    sizes.delete(this);
    return destroy.call(this);
  };
}

/** The most bytes beyond those held at its start that some work held at once. */
export async function peakBytesOf<T>(work: () => Promise<T>): Promise<{ result: T; peakBytes: number }> {
  const start = peak = held;
  const result = await work();
  return { result, peakBytes: peak - start };
}

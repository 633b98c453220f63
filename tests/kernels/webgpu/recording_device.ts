/** A WebGPU device that computes nothing and keeps the kernels that are compiled on it. Needs no adapter. */
import type { Kernel } from "../../../kernels/webgpu/shader/pipeline.ts";

/** Opens such a device; it holds zeros. */
export function recordingDevice(): { device: GPUDevice; kernels: Kernel[] } {
  const kernels: Kernel[] = [];
  const nothing = () => {};
  const pass = { setPipeline: nothing, setBindGroup: nothing, dispatchWorkgroups: nothing, end: nothing };
  const device = {
    features: new Set(["shader-f16"]),
    limits: { maxBufferSize: 2 ** 31, maxStorageBufferBindingSize: 2 ** 31 },
    lost: new Promise(nothing),
    queue: { writeBuffer: nothing, submit: nothing, onSubmittedWorkDone: () => Promise.resolve() },
    pushErrorScope: nothing,
    popErrorScope: () => Promise.resolve(null),
    createBuffer: ({ size, usage }: GPUBufferDescriptor) => ({
      size,
      usage,
      mapAsync: () => Promise.resolve(),
      getMappedRange: (_: number, bytes: number) => new ArrayBuffer(bytes),
      unmap: nothing,
      destroy: nothing,
    }),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createBindGroup: () => ({}),
    createShaderModule: ({ code }: GPUShaderModuleDescriptor) => ({ code }),
    createComputePipelineAsync: ({ label, compute }: GPUComputePipelineDescriptor) => {
      const { code } = compute.module as unknown as { code: string };
      kernels.push({ label: label!, source: code, constants: compute.constants });
      return Promise.resolve({});
    },
    createCommandEncoder: () => ({
      beginComputePass: () => pass,
      clearBuffer: nothing,
      copyBufferToBuffer: nothing,
      finish: nothing,
    }),
  };
  return { device: device as unknown as GPUDevice, kernels };
}

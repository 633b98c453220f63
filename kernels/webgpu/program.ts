/**
 * A compiled graph: dispatches in order, and which buffers they share over time.
 *
 * @module
 */

import type { Program, RunOptions } from "../backend.ts";
import { checkInputs, checkNotDisposed } from "../checks.ts";
import { DeviceError } from "../errors.ts";
import type { OpCost, OpProfile } from "../profile.ts";
import { type DeviceStorage, type DType, type Shape, Tensor, type TensorData } from "../tensor.ts";
import { guarded } from "./device.ts";
import type { BufferPool } from "./memory.ts";
import { type Dispatch, type Memory, PlannedMemory } from "./recorder.ts";
import { Stopwatch } from "./stopwatch.ts";

/** Memory that stands for an input or an output. */
export interface Port {
  readonly memory: PlannedMemory;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What a program is made of. */
export interface Plan {
  readonly dispatches: readonly Dispatch[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** Each dispatch's parameters start at a multiple of this many bytes. */
const UNIFORM_STRIDE = 256;

/** Compiles the pipelines of a plan and makes it runnable. */
export async function createProgram(device: GPUDevice, pool: BufferPool, plan: Plan): Promise<Program> {
  const { dispatches } = plan;
  const pipelines = await Promise.all(dispatches.map(({ pipeline }) => pipeline.compile()));
  const { slotOf, slotBytes } = shareSlots(plan);
  const uniforms = uploadParams(device, dispatches);
  const ops = splitByOp(dispatches);
  let disposed = false;
  let bound: { slots: readonly GPUBuffer[]; ports: readonly GPUBuffer[]; groups: readonly GPUBindGroup[] } | undefined;

  /** Bind groups are kept as long as the pool hands out the same buffers. */
  function bind(slots: GPUBuffer[], ports: Map<PlannedMemory, GPUBuffer>): readonly GPUBindGroup[] {
    const used = [...ports.values()];
    if (bound && same(bound.slots, slots) && same(bound.ports, used)) return bound.groups;
    const resolve = (memory: Memory) =>
      memory instanceof PlannedMemory ? ports.get(memory) ?? slots[slotOf.get(memory)!] : memory;
    const groups = dispatches.map(({ label, pipeline, bindings, params }, i) =>
      device.createBindGroup({
        label,
        layout: pipeline.layout,
        entries: [
          { binding: 0, resource: { buffer: uniforms, offset: i * UNIFORM_STRIDE, size: params.byteLength } },
          ...bindings.map(({ memory, offset, size }, b) => ({
            binding: b + 1,
            resource: { buffer: resolve(memory), offset, size },
          })),
        ],
      })
    );
    bound = { slots, ports: used, groups };
    return groups;
  }

  /** All dispatches in one pass; or, to time them, in a pass for each op. */
  function encode(groups: readonly GPUBindGroup[], stopwatch?: Stopwatch): GPUCommandBuffer {
    const encoder = device.createCommandEncoder();
    const passes = stopwatch ? ops : [{ first: 0, end: dispatches.length }];
    passes.forEach(({ first, end }, number) => {
      const pass = encoder.beginComputePass(stopwatch?.pass(number));
      for (let i = first; i < end; i++) {
        pass.setPipeline(pipelines[i]);
        pass.setBindGroup(0, groups[i]);
        pass.dispatchWorkgroups(...dispatches[i].grid);
      }
      pass.end();
    });
    return encoder.finish();
  }

  /** Submits a run and adds its results; its scratch memory is free at once, as later runs are queued behind this one. */
  function submit(given: readonly (TensorData | GpuStorage)[], results: Tensor[], stopwatch?: Stopwatch): void {
    const scratch: GPUBuffer[] = [];
    const take = (bytes: number) => {
      const buffer = pool.acquire(bytes);
      scratch.push(buffer);
      return buffer;
    };
    try {
      const ports = new Map<PlannedMemory, GPUBuffer>();
      const slots = slotBytes.map(take);
      plan.inputs.forEach(({ memory }, i) => ports.set(memory, upload(device, given[i], take)));
      for (const { memory, shape, dtype } of plan.outputs) {
        const storage = new GpuStorage(device, pool, pool.acquire(memory.bytes), memory.bytes, dtype);
        results.push(new Tensor(storage, shape, dtype));
        ports.set(memory, storage.buffer);
      }
      device.queue.submit([encode(bind(slots, ports), stopwatch)]);
    } finally {
      scratch.forEach((buffer) => pool.release(buffer));
    }
  }

  async function run(
    inputs: readonly Tensor[],
    { signal }: RunOptions = {},
    stopwatch?: Stopwatch,
  ): Promise<Tensor[]> {
    checkInputs(inputs, plan.inputs);
    const given = await Promise.all(inputs.map((tensor) => onDevice(tensor, device)));
    signal?.throwIfAborted();
    checkNotDisposed(disposed);
    for (const tensor of inputs) void tensor.storage; // throws if it was disposed meanwhile
    const results: Tensor[] = [];
    try {
      await guarded(device, "run the model", () => submit(given, results, stopwatch));
      return results;
    } catch (error) {
      results.forEach((tensor) => tensor.dispose());
      throw error;
    }
  }

  return {
    bytes: totalBytes(plan, slotBytes),

    run: (inputs, options) => run(inputs, options),

    async profile(inputs, options): Promise<OpProfile[]> {
      const stopwatch = new Stopwatch(device, pool, ops.length);
      try {
        for (const result of await run(inputs, options, stopwatch)) result.dispose();
        const milliseconds = await stopwatch.read();
        return ops.map(({ op }, i) => ({ ...op, milliseconds: milliseconds[i] }));
      } finally {
        stopwatch.dispose();
      }
    },

    dispose(): void {
      disposed = true;
      uniforms.destroy();
    },
  };
}

/** Bytes that a run of a plan needs: intermediate values, inputs and outputs. */
export function measurePlan(plan: Plan): number {
  return totalBytes(plan, shareSlots(plan).slotBytes);
}

function totalBytes({ inputs, outputs }: Plan, slotBytes: readonly number[]): number {
  return [...slotBytes, ...inputs.map(byteLength), ...outputs.map(byteLength)].reduce((a, b) => a + b, 0);
}

/** An engine's memory behind a tensor. */
class GpuStorage implements DeviceStorage {
  readonly device: GPUDevice;
  readonly buffer: GPUBuffer;
  readonly #pool: BufferPool;
  readonly #bytes: number;
  readonly #dtype: DType;

  constructor(device: GPUDevice, pool: BufferPool, buffer: GPUBuffer, bytes: number, dtype: DType) {
    this.device = device;
    this.buffer = buffer;
    this.#pool = pool;
    this.#bytes = bytes;
    this.#dtype = dtype;
  }

  async read(): Promise<TensorData> {
    const staging = this.#pool.acquire(this.#bytes, "readback");
    try {
      const encoder = this.device.createCommandEncoder();
      encoder.copyBufferToBuffer(this.buffer, 0, staging, 0, this.#bytes);
      this.device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ, 0, this.#bytes);
      const bytes = staging.getMappedRange(0, this.#bytes).slice(0);
      staging.unmap();
      return this.#dtype === "int32" ? new Int32Array(bytes) : new Float32Array(bytes);
    } catch (cause) {
      throw new DeviceError(`Cannot read a tensor back: the device failed or was disposed (${cause})`, { cause });
    } finally {
      this.#pool.release(staging);
    }
  }

  release(): void {
    this.#pool.release(this.buffer);
  }
}

/** A tensor's elements where this device can take them from; tensors of other devices go by way of the host. */
async function onDevice(tensor: Tensor, device: GPUDevice): Promise<TensorData | GpuStorage> {
  const { storage } = tensor;
  return storage instanceof GpuStorage && storage.device === device ? storage : await tensor.data();
}

function upload(device: GPUDevice, source: TensorData | GpuStorage, take: (bytes: number) => GPUBuffer): GPUBuffer {
  if (source instanceof GpuStorage) return source.buffer;
  const buffer = take(source.byteLength);
  device.queue.writeBuffer(buffer, 0, source);
  return buffer;
}

/** The dispatches `[first, end)` of each op. */
function splitByOp(dispatches: readonly Dispatch[]): { op: OpCost; first: number; end: number }[] {
  const ops: { op: OpCost; first: number; end: number }[] = [];
  dispatches.forEach(({ op }, i) => {
    if (ops.at(-1)?.op === op) ops.at(-1)!.end = i + 1;
    else ops.push({ op, first: i, end: i + 1 });
  });
  return ops;
}

function uploadParams(device: GPUDevice, dispatches: readonly Dispatch[]): GPUBuffer {
  const words = new Uint32Array(Math.max(1, dispatches.length) * UNIFORM_STRIDE / 4);
  dispatches.forEach(({ params }, i) => words.set(params, i * UNIFORM_STRIDE / 4));
  const uniforms = device.createBuffer({
    size: words.byteLength,
    usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(uniforms, 0, words);
  return uniforms;
}

/**
 * Gives memory that is never in use at the same time the same slot: each planned memory lives from the first dispatch
 * that binds it to the last. Inputs and outputs have buffers of their own.
 */
function shareSlots(
  { dispatches, inputs, outputs }: Plan,
): { slotOf: Map<PlannedMemory, number>; slotBytes: number[] } {
  const ports = new Set([...inputs, ...outputs].map(({ memory }) => memory));
  const lastUse = new Map<PlannedMemory, number>();
  const planned = (dispatch: Dispatch) =>
    dispatch.bindings.map(({ memory }) => memory).filter((memory) =>
      memory instanceof PlannedMemory && !ports.has(memory)
    ) as PlannedMemory[];
  dispatches.forEach((dispatch, i) => planned(dispatch).forEach((memory) => lastUse.set(memory, i)));

  const slotOf = new Map<PlannedMemory, number>();
  const slotBytes: number[] = [];
  const free: number[] = [];
  dispatches.forEach((dispatch, i) => {
    for (const memory of planned(dispatch)) {
      if (slotOf.has(memory)) continue;
      const slot = takeSlot(memory.bytes, free, slotBytes);
      slotOf.set(memory, slot);
    }
    for (const memory of new Set(planned(dispatch))) {
      if (lastUse.get(memory) === i) free.push(slotOf.get(memory)!);
    }
  });
  return { slotOf, slotBytes };
}

/** The free slot that fits best; failing that the largest, grown; failing that a new one. */
function takeSlot(bytes: number, free: number[], slotBytes: number[]): number {
  free.sort((a, b) => slotBytes[a] - slotBytes[b]);
  const fitting = free.findIndex((slot) => slotBytes[slot] >= bytes);
  if (free.length === 0) return slotBytes.push(bytes) - 1;
  const [slot] = free.splice(fitting < 0 ? free.length - 1 : fitting, 1);
  slotBytes[slot] = Math.max(slotBytes[slot], bytes);
  return slot;
}

function byteLength({ memory }: Port): number {
  return memory.bytes;
}

function same(a: readonly GPUBuffer[], b: readonly GPUBuffer[]): boolean {
  return a.length === b.length && a.every((buffer, i) => buffer === b[i]);
}

/**
 * A compiled graph: dispatches in order, and which buffers they share over time.
 *
 * @module
 */

import type { Program, RunOptions } from "../../backend.ts";
import { checkInputs, checkNotDisposed } from "../../tensor/inputs.ts";
import type { DType, PixelRange, Shape, TensorData } from "../../tensor/storage.ts";
import { Pixels } from "../../tensor/pixels.ts";
import { Tensor, valuesOf } from "../../tensor/tensor.ts";
import { DeviceError, OverflowError } from "../../errors.ts";
import type { OpCost, OpProfile } from "../../graph/cost.ts";
import { guarded } from "../device/device.ts";
import type { BufferPool } from "../device/buffer_pool.ts";
import { PIECE, Readback } from "./readback.ts";
import { Forecast, LIMIT_MS, type Pace, type Part } from "./pace.ts";
import { type Memory, PlannedMemory } from "../record/feature_map.ts";
import type { Dispatch } from "../record/recorder.ts";
import type { Steps } from "../../host/steps.ts";
import { shareSlots, type Slots } from "./buffer_plan.ts";
import { Stopwatch } from "../device/stopwatch.ts";
import { GpuStorage, type ReadPixels } from "./storage.ts";

/** Memory that stands for an input or an output. */
export interface Port {
  readonly memory: PlannedMemory;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Set where an input is given as pixels. */
  readonly pixels?: PixelRange;
}

/** What a program is made of. */
export interface Plan {
  readonly dispatches: readonly Dispatch[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Where values are stored in float16: not 0 after a run in which one was out of range. */
  readonly overflow: PlannedMemory | undefined;
}

/** A plan, and which buffers it takes. */
export interface SharedPlan extends Plan, Slots {
  /** Bytes of all buffers, those of the dispatches' parameters and of reading the results included. */
  readonly bytes: number;
}

/** The buffers of the last run, and what binds them to each dispatch. */
interface Bound {
  readonly slots: readonly GPUBuffer[];
  readonly ports: ReadonlyMap<PlannedMemory, GPUBuffer>;
  readonly groups: readonly GPUBindGroup[];
}

/** What a run computes in. */
interface Prepared {
  readonly groups: readonly GPUBindGroup[];
  readonly overflow: GPUBuffer | undefined;
  readonly storages: readonly GpuStorage[];
  /** Gives back what only the run needs. */
  release(): void;
}

/** What is submitted at once of a run whose progress is told is to take no longer than this. */
const TELL_MS = 100;

/** Each dispatch's parameters start at a multiple of this many bytes. */
const UNIFORM_STRIDE = 256;

/** Compiles the pipelines of a plan and makes it runnable; `readPixels` is for its results. */
export async function createProgram(
  device: GPUDevice,
  pool: BufferPool,
  pace: Pace,
  plan: SharedPlan,
  readPixels: ReadPixels,
): Promise<Program> {
  const { dispatches, slotOf } = plan;
  const pipelines = await Promise.all(dispatches.map(({ pipeline }) => pipeline.compile()));
  const uniforms = uploadParams(device, dispatches);
  const ops = splitByOp(dispatches);
  const forecast = new Forecast(pace, dispatches);
  let disposed = false;
  let createGroup: ((i: number) => GPUBindGroup) | undefined;
  let bound: Bound | undefined;

  /** Bind groups are kept as long as the pool hands out the same buffers. */
  function bind(slots: readonly GPUBuffer[], ports: ReadonlyMap<PlannedMemory, GPUBuffer>): readonly GPUBindGroup[] {
    if (bound && same(bound.slots, slots) && same([...bound.ports.values()], [...ports.values()])) return bound.groups;
    const resolve = (memory: Memory) =>
      memory instanceof PlannedMemory ? ports.get(memory) ?? slots[slotOf.get(memory)!] : memory.buffer;
    createGroup = (i) => {
      const { label, pipeline, bindings, params } = dispatches[i];
      return device.createBindGroup({
        label,
        layout: pipeline.layout,
        entries: [
          { binding: 0, resource: { buffer: uniforms, offset: i * UNIFORM_STRIDE, size: params.byteLength } },
          ...bindings.map(({ memory, offset, size }, b) => ({
            binding: b + 1,
            resource: { buffer: resolve(memory), offset, size },
          })),
        ],
      });
    };
    bound = { slots, ports, groups: dispatches.map((_, i) => createGroup!(i)) };
    return bound.groups;
  }

  /** Names the dispatch that the device refuses, found by trying each. */
  async function explain(error: unknown): Promise<unknown> {
    for (const [i, { label, bindings, grid }] of createGroup ? dispatches.entries() : []) {
      device.pushErrorScope("validation");
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipelines[i]);
      pass.setBindGroup(0, createGroup!(i));
      pass.dispatchWorkgroups(...grid);
      pass.end();
      encoder.finish();
      const cause = await device.popErrorScope();
      if (!cause) continue;
      const bytes = bindings.reduce((sum, { size }) => sum + size, 0);
      return new DeviceError(`Cannot run ${label}, on ${bytes} bytes: the device refused, ${cause.message}`, { cause });
    }
    return error;
  }

  /** The dispatches of a part in one pass; or, to time them, in a pass for each op. */
  function encode(
    encoder: GPUCommandEncoder,
    groups: readonly GPUBindGroup[],
    part: Part,
    stopwatch?: Stopwatch,
  ): void {
    const passes = stopwatch ? ops.filter(({ first, end }) => first >= part.first && end <= part.end) : [part];
    for (const { first, end } of passes) {
      const pass = encoder.beginComputePass(stopwatch?.pass(ops.findIndex((op) => op.first === first)));
      for (let i = first; i < end; i++) {
        pass.setPipeline(pipelines[i]);
        pass.setBindGroup(0, groups[i]);
        pass.dispatchWorkgroups(...dispatches[i].grid);
      }
      pass.end();
    }
  }

  /** Takes the buffers of a run, adding every one to `taken` and the results' tensors to `results`, and uploads inputs. */
  function prepare(
    given: readonly (TensorData | Pixels | GpuStorage)[],
    results: Tensor[],
    taken: GPUBuffer[],
  ): Prepared {
    const scratch: GPUBuffer[] = [];
    const release = () => scratch.splice(0).forEach((buffer) => pool.release(buffer));
    const take = ({ bytes, label }: PlannedMemory, before: GPUBuffer | undefined) => {
      const buffer = pool.acquire(bytes, label, "storage", before);
      taken.push(buffer);
      return buffer;
    };
    const borrow = (memory: PlannedMemory, before = bound?.ports.get(memory)) => {
      const buffer = take(memory, before);
      scratch.push(buffer);
      return buffer;
    };
    try {
      const ports = new Map<PlannedMemory, GPUBuffer>();
      plan.inputs.forEach(({ memory }, i) => ports.set(memory, upload(device, given[i], () => borrow(memory))));
      const storages = plan.outputs.map(({ memory, shape, dtype }) => {
        const storage = new GpuStorage(device, pool, take(memory, bound?.ports.get(memory)), {
          shape,
          dtype,
          readPixels,
        });
        results.push(new Tensor(storage, shape, dtype));
        ports.set(memory, storage.buffer);
        return storage;
      });
      const slots = plan.slots.map((memory, i) => borrow(memory, bound?.slots[i]));
      if (plan.overflow) ports.set(plan.overflow, borrow(plan.overflow));
      const overflow = plan.overflow && ports.get(plan.overflow);
      return { groups: bind(slots, ports), overflow, storages, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * Submits a part of a run. After the last its scratch memory is free at once, as later runs are queued behind this one.
   * Returns what has to be looked at then, before the results may be used.
   */
  function submit(
    { groups, overflow, storages, release }: Prepared,
    part: Part,
    stopwatch?: Stopwatch,
  ): Readback | undefined {
    checkNotDisposed(disposed);
    const encoder = device.createCommandEncoder();
    if (overflow && part.first === 0) encoder.clearBuffer(overflow);
    encode(encoder, groups, part, stopwatch);
    const isLast = part.end === dispatches.length;
    const along = sumOfBytes(storages) <= PIECE ? storages : [];
    const readback = isLast && overflow
      ? new Readback(pool, encoder, [{ buffer: overflow, bytes: 4 }, ...along])
      : undefined;
    device.queue.submit([encoder.finish()]);
    if (isLast) release();
    return readback;
  }

  /** Submits, and says which buffers or commands the device refuses. */
  async function refusable<T>(taken: readonly GPUBuffer[], submit: () => T): Promise<T> {
    try {
      const result = await guarded(device, "run the model", submit);
      await pool.confirm(taken);
      return result;
    } catch (error) {
      await pool.confirm(taken); // without memory all else fails, too
      throw await explain(error);
    }
  }

  async function run(
    inputs: readonly Tensor[],
    { signal, onProgress }: RunOptions = {},
    stopwatch?: Stopwatch,
  ): Promise<Tensor[]> {
    checkInputs(inputs, plan.inputs);
    const given = await Promise.all(inputs.map((tensor, i) => onDevice(tensor, device, plan.inputs[i])));
    signal?.throwIfAborted();
    checkNotDisposed(disposed);
    for (const tensor of inputs) void tensor.storage; // throws if it was disposed meanwhile
    const results: Tensor[] = [];
    const taken: GPUBuffer[] = [];
    const own = given.filter((source) => source instanceof GpuStorage);
    for (const storage of own) storage.retain();
    let prepared: Prepared | undefined;
    const nextPart = (first: number): Part => {
      const part = forecast.partFrom(first, onProgress ? TELL_MS : LIMIT_MS);
      return stopwatch ? { ...part, end: ops.find(({ end }) => end >= part.end)!.end } : part; // which times whole ops
    };
    const settle = async (part?: Part) => {
      const ratio = await pace.settle();
      if (part && ratio !== undefined) forecast.learn(part, ratio);
      signal?.throwIfAborted();
      if (part) onProgress?.(ops.filter(({ end }) => end <= part.end).length, ops.length);
    };
    try {
      let last: Part | undefined;
      let look: Readback | undefined;
      for (let end = 0; end < dispatches.length; end = last.end) {
        if (!pace.hasRoom(nextPart(end).milliseconds)) await settle(last);
        const part = last = nextPart(end);
        look = await refusable(taken, () => submit(prepared ??= prepare(given, results, taken), part, stopwatch));
        pace.add(part.milliseconds);
        if (onProgress) await settle(part);
      }
      using readback = look;
      if (readback) await verify(readback, results);
      signal?.throwIfAborted();
      return results;
    } catch (error) {
      bound = undefined; // its groups may be what the device refused
      results.forEach((tensor) => tensor.dispose());
      throw error;
    } finally {
      prepared?.release();
      for (const storage of own) storage.release();
    }
  }

  return {
    bytes: plan.bytes,

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

/** Decides which buffers a plan takes. Inputs and outputs have some of their own. */
export function* shareBuffers(plan: Plan): Steps<SharedPlan> {
  const ports = [...plan.inputs, ...plan.outputs].map(({ memory }) => memory).concat(plan.overflow ?? []);
  const slots = yield* shareSlots(plan.dispatches, new Set(ports));
  const parameters = plan.dispatches.length * UNIFORM_STRIDE;
  const reading = Math.min(PIECE, sumOfBytes(plan.outputs.map(({ memory }) => memory)));
  return { ...plan, ...slots, bytes: sumOfBytes([...slots.slots, ...ports]) + parameters + reading };
}

function sumOfBytes(parts: readonly { readonly bytes: number }[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Waits for a run and looks at whether its values were in range. Results that are not large come along: were they read
 * later, that would be another wait.
 */
async function verify(readback: Readback, results: readonly Tensor[]): Promise<void> {
  const [overflow, ...values] = await readback.read();
  if (new Uint32Array(overflow)[0] !== 0) {
    throw new OverflowError(
      "Cannot compute in float16: a value was beyond ±65504, or not a number. Compute in float32",
    );
  }
  values.forEach((copy, i) => (results[i].storage as GpuStorage).keep(copy));
}

/** A tensor's elements where this device can take them from; tensors of other devices go by way of the host. */
async function onDevice(
  tensor: Tensor,
  device: GPUDevice,
  { pixels }: Port,
): Promise<TensorData | Pixels | GpuStorage> {
  const { storage } = tensor;
  return storage instanceof GpuStorage && storage.device === device ? storage : await valuesOf(tensor, pixels);
}

function upload(device: GPUDevice, source: TensorData | Pixels | GpuStorage, take: () => GPUBuffer): GPUBuffer {
  if (source instanceof GpuStorage) return source.buffer;
  const buffer = take();
  device.queue.writeBuffer(buffer, 0, source instanceof Pixels ? source.bytes : source);
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

function same(a: readonly GPUBuffer[], b: readonly GPUBuffer[]): boolean {
  return a.length === b.length && a.every((buffer, i) => buffer === b[i]);
}

/**
 * The buffers of one run: those of inputs, results and intermediate values.
 *
 * @module
 */

import { Tensor } from "../../tensor/tensor.ts";
import type { BufferPool } from "../device/buffer_pool.ts";
import type { PlannedMemory } from "../record/feature_map.ts";
import type { SharedPlan } from "./buffer_plan.ts";
import type { Commands } from "./commands.ts";
import { bufferOf, GpuStorage, type ReadPixels, type Source } from "./storage.ts";

/** The buffers that a run computes in. */
export interface RunBuffers {
  readonly groups: readonly GPUBindGroup[];
  readonly overflow: GPUBuffer | undefined;
  readonly storages: readonly GpuStorage[];
  /** Releases all buffers but those of the results and of inputs on the device. */
  release(): void;
}

/** Lists of the buffers and results so far, also if taking more fails. */
export interface Taken {
  readonly buffers: GPUBuffer[];
  readonly results: Tensor[];
}

/** The program that runs. */
interface RunningProgram {
  readonly device: GPUDevice;
  readonly pool: BufferPool;
  readonly plan: SharedPlan;
  readonly commands: Commands;
  readonly readPixels: ReadPixels;
}

/** Takes the buffers of a run, those of the last one if possible, and uploads its inputs. */
export function takeBuffers(
  { device, pool, plan, commands, readPixels }: RunningProgram,
  inputs: readonly Source[],
  taken: Taken,
): RunBuffers {
  const { bound } = commands;
  const scratch: GPUBuffer[] = [];
  const release = () => scratch.splice(0).forEach((buffer) => pool.release(buffer));
  const take = ({ bytes, label }: PlannedMemory, before: GPUBuffer | undefined) => {
    const buffer = pool.acquire(bytes, label, "storage", before);
    taken.buffers.push(buffer);
    return buffer;
  };
  const borrow = (memory: PlannedMemory, before = bound?.ports.get(memory)) => {
    const buffer = take(memory, before);
    scratch.push(buffer);
    return buffer;
  };
  try {
    const ports = new Map<PlannedMemory, GPUBuffer>();
    plan.inputs.forEach(({ memory }, i) => ports.set(memory, bufferOf(inputs[i], device, () => borrow(memory))));
    const storages = plan.outputs.map(({ memory, shape, dtype }) => {
      const buffer = take(memory, bound?.ports.get(memory));
      const storage = new GpuStorage(device, pool, buffer, { shape, dtype, readPixels });
      taken.results.push(new Tensor(storage, shape, dtype));
      ports.set(memory, buffer);
      return storage;
    });
    const slots = plan.slots.map((memory, i) => borrow(memory, bound?.slots[i]));
    if (plan.overflow) ports.set(plan.overflow, borrow(plan.overflow));
    const overflow = plan.overflow && ports.get(plan.overflow);
    return { groups: commands.bind(slots, ports), overflow, storages, release };
  } catch (error) {
    release();
    throw error;
  }
}

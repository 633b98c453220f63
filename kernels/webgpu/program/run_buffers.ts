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

/** What a run computes in. */
export interface RunBuffers {
  readonly groups: readonly GPUBindGroup[];
  readonly overflow: GPUBuffer | undefined;
  readonly storages: readonly GpuStorage[];
  /** Releases what only the run needs. */
  release(): void;
}

/** What a run adds to as it takes buffers, for when it fails halfway. */
export interface Taken {
  readonly buffers: GPUBuffer[];
  readonly results: Tensor[];
}

/** Where buffers come from, and what binds them. */
interface Owner {
  readonly device: GPUDevice;
  readonly pool: BufferPool;
  readonly plan: SharedPlan;
  readonly commands: Commands;
  readonly readPixels: ReadPixels;
}

/** Takes the buffers of a run, where possible those of the last one, and uploads its inputs. */
export function takeBuffers(
  { device, pool, plan, commands, readPixels }: Owner,
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

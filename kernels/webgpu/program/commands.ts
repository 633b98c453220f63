/**
 * Encodes the dispatches of a program: their parameters, bind groups and compute passes.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import type { OpCost } from "../../graph/cost.ts";
import type { Stopwatch } from "../device/stopwatch.ts";
import { type Memory, PlannedMemory } from "../record/feature_map.ts";
import type { Dispatch } from "../record/recorder.ts";
import { type SharedPlan, UNIFORM_STRIDE } from "./buffer_plan.ts";
import type { Part } from "./pace.ts";

/** The dispatches `[first, end)` of an op. */
interface OpRange {
  readonly op: OpCost;
  readonly first: number;
  end: number;
}

/** The buffers of the last run, and the bind groups of each dispatch with them. */
interface Bound {
  readonly slots: readonly GPUBuffer[];
  readonly ports: ReadonlyMap<PlannedMemory, GPUBuffer>;
  readonly groups: readonly GPUBindGroup[];
}

/** The commands of a plan whose pipelines are compiled. */
export class Commands {
  /** Ops in the order in which they run. */
  readonly ops: readonly OpRange[];
  readonly #device: GPUDevice;
  readonly #plan: SharedPlan;
  readonly #pipelines: readonly GPUComputePipeline[];
  readonly #uniforms: GPUBuffer;
  #bound: Bound | undefined;
  /** Creates a bind group with the buffers of the last run. */
  #createGroup: ((i: number) => GPUBindGroup) | undefined;

  constructor(device: GPUDevice, plan: SharedPlan, pipelines: readonly GPUComputePipeline[]) {
    this.ops = splitByOp(plan.dispatches);
    this.#device = device;
    this.#plan = plan;
    this.#pipelines = pipelines;
    this.#uniforms = uploadParams(device, plan.dispatches);
  }

  /** The buffers of the last run, if it succeeded. */
  get bound(): Omit<Bound, "groups"> | undefined {
    return this.#bound;
  }

  /** The bind groups for some buffers; those of the last run if the buffers are the same. */
  bind(slots: readonly GPUBuffer[], ports: ReadonlyMap<PlannedMemory, GPUBuffer>): readonly GPUBindGroup[] {
    const bound = this.#bound;
    if (bound && same(bound.slots, slots) && same([...bound.ports.values()], [...ports.values()])) return bound.groups;
    const { dispatches, slotOf } = this.#plan;
    const resolve = (memory: Memory) =>
      memory instanceof PlannedMemory ? ports.get(memory) ?? slots[slotOf.get(memory)!] : memory.buffer;
    const createGroup = this.#createGroup = (i: number) => {
      const { label, pipeline, bindings, params } = dispatches[i];
      return this.#device.createBindGroup({
        label,
        layout: pipeline.layout,
        entries: [
          { binding: 0, resource: { buffer: this.#uniforms, offset: i * UNIFORM_STRIDE, size: params.byteLength } },
          ...bindings.map(({ memory, offset, size }, b) => ({
            binding: b + 1,
            resource: { buffer: resolve(memory), offset, size },
          })),
        ],
      });
    };
    const groups = dispatches.map((_, i) => createGroup(i));
    this.#bound = { slots, ports, groups };
    return groups;
  }

  /** Drops the bind groups, as the device may have refused them. */
  unbind(): void {
    this.#bound = undefined;
  }

  /** Encodes the dispatches of a part in one pass, or in one pass per op if they are timed. */
  encode(encoder: GPUCommandEncoder, groups: readonly GPUBindGroup[], part: Part, stopwatch?: Stopwatch): void {
    const passes = stopwatch ? this.ops.filter(({ first, end }) => first >= part.first && end <= part.end) : [part];
    for (const { first, end } of passes) {
      const pass = encoder.beginComputePass(stopwatch?.pass(this.ops.findIndex((op) => op.first === first)));
      for (let i = first; i < end; i++) this.#dispatch(pass, i, groups[i]);
      pass.end();
    }
  }

  /** Encodes each dispatch again, and returns an error that names the first that the device refuses; otherwise `error`. */
  async explain(error: unknown): Promise<unknown> {
    const createGroup = this.#createGroup;
    if (!createGroup) return error;
    for (const [i, { label, bindings }] of this.#plan.dispatches.entries()) {
      this.#device.pushErrorScope("validation");
      const encoder = this.#device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      this.#dispatch(pass, i, createGroup(i));
      pass.end();
      encoder.finish();
      const cause = await this.#device.popErrorScope();
      if (!cause) continue;
      const bytes = bindings.reduce((sum, { size }) => sum + size, 0);
      return new DeviceError(`Cannot run ${label}, on ${bytes} bytes: the device refused, ${cause.message}`, { cause });
    }
    return error;
  }

  /** Frees the parameters. */
  dispose(): void {
    this.#uniforms.destroy();
  }

  #dispatch(pass: GPUComputePassEncoder, i: number, group: GPUBindGroup): void {
    pass.setPipeline(this.#pipelines[i]);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...this.#plan.dispatches[i].grid);
  }
}

function splitByOp(dispatches: readonly Dispatch[]): OpRange[] {
  const ops: OpRange[] = [];
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

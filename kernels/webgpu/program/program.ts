/**
 * Runs a compiled graph, part by part.
 *
 * @module
 */

import { checkOptions } from "../../check_options.ts";
import { PROFILE_OPTIONS, RUN_OPTIONS } from "../../option_names.ts";
import type { Program, RunOptions } from "../../backend.ts";
import { checkInputs, checkNotDisposed } from "../../tensor/inputs.ts";
import { OverflowError } from "../../errors.ts";
import type { OpProfile } from "../../graph/cost.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { guarded } from "../device/device.ts";
import type { BufferPool } from "../device/buffer_pool.ts";
import { Stopwatch } from "../device/stopwatch.ts";
import { type SharedPlan, sumOfBytes } from "./buffer_plan.ts";
import { Commands } from "./commands.ts";
import { Forecast, LIMIT_MS, type Pace, type Part } from "./pace.ts";
import { PIECE, Readback } from "./readback.ts";
import { type RunBuffers, takeBuffers } from "./run_buffers.ts";
import { GpuStorage, type ReadPixels, sourceOf } from "./storage.ts";

/** Longest time that a part should take if `onProgress` is called after each. */
const PROGRESS_MS = 100;

/** Compiles the pipelines of a plan; results are read as pixels by `readPixels`. */
export async function createProgram(
  device: GPUDevice,
  pool: BufferPool,
  pace: Pace,
  plan: SharedPlan,
  readPixels: ReadPixels,
): Promise<Program> {
  const { dispatches } = plan;
  const commands = new Commands(device, plan, await Promise.all(dispatches.map(({ pipeline }) => pipeline.compile())));
  const { ops } = commands;
  const program = { device, pool, plan, commands, readPixels };
  const forecast = new Forecast(pace, dispatches);
  let disposed = false;

  /**
   * Submits a part of a run. After the last part its buffers are released immediately, as commands of later runs are
   * queued behind. Returns the readback to verify before the results are used, if any.
   */
  function submit(
    { groups, overflow, storages, release }: RunBuffers,
    part: Part,
    stopwatch?: Stopwatch,
  ): Readback | undefined {
    checkNotDisposed(disposed);
    const encoder = device.createCommandEncoder();
    if (overflow && part.first === 0) encoder.clearBuffer(overflow);
    commands.encode(encoder, groups, part, stopwatch);
    const isLast = part.end === dispatches.length;
    const copied = sumOfBytes(storages) <= PIECE ? storages : [];
    const readback = isLast && overflow
      ? new Readback(pool, encoder, [{ buffer: overflow, bytes: 4 }, ...copied])
      : undefined;
    device.queue.submit([encoder.finish()]);
    if (isLast) release();
    return readback;
  }

  /** Submits, with an error that names the buffer or the dispatch that the device refuses. */
  async function refusable<T>(buffers: readonly GPUBuffer[], submit: () => T): Promise<T> {
    try {
      const result = await guarded(device, "run the model", submit);
      await pool.confirm(buffers);
      return result;
    } catch (error) {
      await pool.confirm(buffers); // without memory the commands fail, too
      throw await commands.explain(error);
    }
  }

  async function run(
    inputs: readonly Tensor[],
    options: RunOptions = {},
    stopwatch?: Stopwatch,
  ): Promise<Tensor[]> {
    checkOptions("run program", options, stopwatch ? PROFILE_OPTIONS : RUN_OPTIONS);
    const { signal, onProgress } = options;
    checkInputs(inputs, plan.inputs);
    const sources = await Promise.all(inputs.map((tensor, i) => sourceOf(tensor, device, plan.inputs[i].pixels)));
    signal?.throwIfAborted();
    checkNotDisposed(disposed);
    for (const tensor of inputs) void tensor.storage; // throws if it was disposed meanwhile
    const results: Tensor[] = [];
    const taken = { buffers: [] as GPUBuffer[], results };
    const own = sources.filter((source) => source instanceof GpuStorage);
    for (const storage of own) storage.retain();
    let buffers: RunBuffers | undefined;
    const nextPart = (first: number): Part => {
      const part = forecast.partFrom(first, onProgress ? PROGRESS_MS : LIMIT_MS);
      return stopwatch ? { ...part, end: ops.find(({ end }) => end >= part.end)!.end } : part; // it times whole ops
    };
    const settle = async (part?: Part) => {
      const ratio = await pace.settle();
      if (part && ratio !== undefined) forecast.learn(part, ratio);
      signal?.throwIfAborted();
      if (part) onProgress?.(ops.filter(({ end }) => end <= part.end).length, ops.length);
    };
    try {
      let last: Part | undefined;
      let unverified: Readback | undefined;
      for (let end = 0; end < dispatches.length; end = last.end) {
        if (!pace.hasRoom(nextPart(end).milliseconds)) await settle(last);
        const part = last = nextPart(end);
        unverified = await refusable(
          taken.buffers,
          () => submit(buffers ??= takeBuffers(program, sources, taken), part, stopwatch),
        );
        pace.add(part.milliseconds);
        if (onProgress) await settle(part);
      }
      if (unverified) await verify(unverified, results);
      signal?.throwIfAborted();
      return results;
    } catch (error) {
      commands.unbind();
      results.forEach((tensor) => tensor.dispose());
      throw error;
    } finally {
      buffers?.release();
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
      commands.dispose();
    },
  };
}

/**
 * Waits for a run and checks that its values were in range. Small results are copied along with that: reading them later
 * would take a second wait.
 */
async function verify(readback: Readback, results: readonly Tensor[]): Promise<void> {
  const [overflow, ...values] = await readback.take();
  if (new Uint32Array(overflow)[0] !== 0) {
    throw new OverflowError("Cannot compute in float16: a value was beyond ±65504, or NaN. Compute in float32");
  }
  values.forEach((copy, i) => (results[i].storage as GpuStorage).keep(copy));
}

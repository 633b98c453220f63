/**
 * A compiled graph on this engine.
 *
 * @module
 */

import { checkOptions } from "../../check_options.ts";
import { PROFILE_OPTIONS, RUN_OPTIONS } from "../../option_names.ts";
import type { Program, RunOptions } from "../../backend.ts";
import { checkInputs, checkNotDisposed } from "../../tensor/inputs.ts";
import type { Graph, Input, Node } from "../../graph/graph.ts";
import { Pixels } from "../../tensor/pixels.ts";
import { Tensor, valuesOf } from "../../tensor/tensor.ts";
import type { DType, Shape, TensorData } from "../../tensor/storage.ts";
import { costOf, type OpProfile } from "../../graph/cost.ts";
import { DeviceError } from "../../errors.ts";
import { countDone, type Job, writeJobs } from "../threads/job.ts";
import { store, storedSize } from "../memory/layout.ts";
import { mebibytes, type Memory } from "../memory/memory.ts";
import { storePixels } from "./pixels.ts";
import { resultBytes } from "../ops/mod.ts";
import { addressesOf, type Plan } from "./memory_plan.ts";
import type { Runtime } from "../threads/runtime.ts";
import { JOB } from "../abi.ts";
import { WasmStorage } from "./storage.ts";

/** Computes the jobs of each step, which are consecutive from address `list` on. */
type Compute = (jobs: readonly Job[][], list: number) => Promise<void>;

/** Runs a planned graph. Each run allocates and frees a block of memory; results have memory of their own. */
export class WasmProgram implements Program {
  readonly bytes: number;
  readonly #inputs: readonly Input[];
  readonly #jobs: number;
  #disposed = false;

  constructor(private readonly runtime: Runtime, private readonly graph: Graph, private readonly plan: Plan) {
    this.#inputs = graph.nodes.filter((node) => node.kind === "input");
    this.#jobs = this.#jobsAt(0, new Map()).flat().length;
    this.bytes = this.#blockBytes() + graph.outputs.reduce((sum, node) => sum + resultBytes(node), 0);
  }

  async run(inputs: readonly Tensor[], options: RunOptions = {}): Promise<Tensor[]> {
    checkOptions("run program", options, RUN_OPTIONS);
    return await this.#use(inputs, options, (jobs, list) => this.#compute(jobs, list, options));
  }

  async profile(inputs: readonly Tensor[], options: Pick<RunOptions, "signal"> = {}): Promise<OpProfile[]> {
    checkOptions("run program", options, PROFILE_OPTIONS);
    const profile: OpProfile[] = [];
    const results = await this.#use(inputs, options, async (jobs, list) => {
      for (const [i, { op }] of this.plan.steps.entries()) {
        const started = performance.now();
        await this.runtime.pool.run(list, jobs[i].length, options.signal);
        profile.push({ ...costOf(op, 4), milliseconds: performance.now() - started });
        list += JOB * jobs[i].length;
      }
    });
    for (const result of results) result.dispose();
    return profile;
  }

  dispose(): void {
    this.#disposed = true;
  }

  /** Uploads inputs, calls `compute`, and returns the results. */
  async #use(
    inputs: readonly Tensor[],
    { signal }: RunOptions,
    compute: Compute,
  ): Promise<Tensor[]> {
    checkNotDisposed(this.#disposed);
    checkInputs(inputs, this.#inputs);
    const own = inputs.map(({ storage }) => this.#isOwn(storage) ? storage : undefined);
    for (const storage of own) storage?.retain();
    try {
      const data = await Promise.all(
        inputs.map((tensor, i) => own[i] ? undefined : valuesOf(tensor, this.#inputs[i].pixels)),
      );
      return await this.runtime.runExclusive(() => this.#run(own, data, compute), signal);
    } finally {
      for (const storage of own) storage?.release();
    }
  }

  #isOwn(storage: Tensor["storage"]): storage is WasmStorage {
    return storage instanceof WasmStorage && storage.runtime === this.runtime;
  }

  async #run(
    own: readonly (WasmStorage | undefined)[],
    data: readonly (TensorData | Pixels | undefined)[],
    compute: Compute,
  ): Promise<Tensor[]> {
    const { memory } = this.runtime;
    const outputs: number[] = [];
    try {
      // Results are allocated first: they outlive the block, and behind it would fragment the memory.
      for (const node of this.graph.outputs) outputs.push(memory.allocate(resultBytes(node)));
      await this.#runInto(outputs, own, data, compute);
    } catch (error) {
      for (const address of outputs) memory.free(address);
      throw error;
    }
    return this.graph.outputs.map(({ shape, dtype }, i) => this.#tensor(outputs[i], shape, dtype));
  }

  async #runInto(
    outputs: readonly number[],
    own: readonly (WasmStorage | undefined)[],
    data: readonly (TensorData | Pixels | undefined)[],
    compute: Compute,
  ): Promise<void> {
    const { memory, pool } = this.runtime;
    const block = memory.allocate(this.#blockBytes());
    try {
      const places = new Map(this.graph.outputs.map((node, i) => [this.#owner(node), outputs[i]]));
      this.#inputs.forEach((node, i) => {
        if (own[i]) places.set(node, own[i].address);
        else this.#upload(data[i]!, places.get(node) ?? block + this.plan.offsets.get(node)!, node);
      });
      const jobs = this.#jobsAt(block, places);
      const list = block + this.plan.bytes + this.plan.workspace * pool.threads;
      writeJobs(jobs.flat(), memory, list);
      await compute(jobs, list);
      this.graph.outputs.forEach((node, i) => this.#copy(places.get(this.#owner(node))!, outputs[i], node));
    } finally {
      memory.free(block);
    }
  }

  async #compute(jobs: readonly Job[][], list: number, { signal, onProgress }: RunOptions): Promise<void> {
    const { memory, pool } = this.runtime;
    const count = jobs.flat().length;
    if (!onProgress) return await pool.run(list, count, signal);
    let end = 0;
    const ends = jobs.map(({ length }) => end += length);
    const report = () => {
      const done = countDone(memory, list, count, pool.threads);
      onProgress(ends.findLastIndex((end) => end <= done) + 1, ends.length);
    };
    await reporting(report, (stop) => pool.run(list, count, stop), signal);
    report();
  }

  /** The value in whose memory a value lies. */
  #owner(node: Node): Node {
    return this.plan.parts.get(node)?.owner ?? node;
  }

  /** A run's block: intermediate values, each thread's workspace, and the list of jobs. */
  #blockBytes(): number {
    return this.plan.bytes + this.plan.workspace * this.runtime.pool.threads + JOB * this.#jobs;
  }

  /** The jobs of each step. */
  #jobsAt(block: number, places: ReadonlyMap<Node, number>): Job[][] {
    const at = addressesOf(this.plan, block, block + this.plan.bytes, places);
    return this.plan.steps.map(({ lowering, temporary }) => lowering.jobs(at(temporary)));
  }

  #upload(data: TensorData | Pixels, address: number, { shape, dtype }: Node): void {
    const { memory, pool } = this.runtime;
    if (data instanceof Pixels) storePixels(data, address, shape, memory, pool.kernels());
    else if (dtype === "int32") memory.integers(address, data.length).set(data);
    else if (shape.length !== 4) memory.floats(address, data.length).set(data);
    else store(data, memory.floats(address, storedSize(shape)), shape);
  }

  /** For outputs that are inputs or repeat another output, which lie elsewhere. */
  #copy(from: number, to: number, node: Node): void {
    const { memory } = this.runtime;
    const length = storedSize(node.shape);
    if (from !== to) memory.floats(to, length).set(memory.floats(from, length));
  }

  #tensor(address: number, shape: Shape, dtype: DType): Tensor {
    return new Tensor(new WasmStorage(this.runtime, address, shape, dtype), shape, dtype);
  }
}

/** Interval between calls of `onProgress`. */
const REPORT_MS = 100;

/** Calls `report` at intervals while `run` runs. An error that it throws stops the run. */
async function reporting(
  report: () => void,
  run: (signal: AbortSignal) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const failure = new AbortController();
  const timer = setInterval(() => {
    try {
      report();
    } catch (error) {
      failure.abort(error);
    }
  }, REPORT_MS);
  try {
    await run(signal ? AbortSignal.any([signal, failure.signal]) : failure.signal);
  } finally {
    clearInterval(timer);
  }
}

/** Fraction of the available memory that suggested inputs may use: not all memory grows with their pixels. */
const MARGIN = 0.95;

/**
 * Refuses a program that needs more than the memory can hold.
 *
 * @throws {DeviceError}
 */
export function checkFits({ bytes }: Program, graph: Graph, { available, weights }: Memory): void {
  if (bytes <= available) return;
  const sides = graph.nodes[0].shape.slice(-2);
  const fitting = sides.map((side) => Math.floor(side * Math.sqrt(MARGIN * available / bytes)));
  throw new DeviceError(
    `Cannot run on this engine: ${mebibytes(bytes)} are needed, but of WebAssembly's 4096 MiB only ` +
      `${mebibytes(available)} are left beside the weights (${mebibytes(weights)}); ` +
      `inputs of ${fitting.join("×")} instead of ${sides.join("×")} would fit`,
  );
}

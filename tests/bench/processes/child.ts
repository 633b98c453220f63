// deno-lint-ignore-file no-console -- it prints its result
/** A process that measures one engine on one model: `child.ts JOB`, both JSON. */
import process from "node:process";
import type { ModelHalf } from "../../../mod.ts";
import { type EngineName, HALVES, importEngine, type Loaded } from "./engines.ts";
import type { StoredModel } from "./stored_models.ts";

/** What a process is to do. */
export interface Job {
  readonly engine: EngineName;
  readonly threads: number;
  readonly stored: StoredModel;
  /** Loads and runs this half alone. */
  readonly only?: ModelHalf;
  /** Also measures a batch. */
  readonly batch?: StoredModel;
}

/** What it measured. */
export interface Measured {
  /** Milliseconds from a process whose engine is imported to a model that is loaded. */
  readonly loadMs: number;
  /** Including the first call of each method. */
  readonly firstMs: number;
  /** Processor time of both, of all threads: other processes disturb it less. */
  readonly loadCpuMs: number;
  readonly firstCpuMs: number;
  /** After that. Null but on Linux. */
  readonly residentBytes: number | null;
  readonly peakBytes: number | null;
  readonly weightsHeld: number | null;
  /** Some of the latents, to compare. */
  readonly latents: readonly number[];
  readonly batch: Partial<Record<"encode" | "decode", BatchTimes>>;
}

/** Milliseconds for each picture: alone in a call, and in a batch. */
export interface BatchTimes {
  readonly aloneMs: number;
  readonly batchMs: number;
}

/** Calls with one picture, of which the median counts. */
const CALLS = 3;

async function measure({ engine, threads, stored, only, batch }: Job): Promise<Measured> {
  const load = await importEngine(engine, threads);
  const passes = (only ? [HALVES[only]] : Object.values(HALVES)).map((name) => ({ name, ...inputOf(stored, name) }));
  const from = performance.now();
  const cpuFrom = process.cpuUsage();
  const cpuMs = () => {
    const { user, system } = process.cpuUsage(cpuFrom);
    return (user + system) / 1e3;
  };
  const model = await load(stored, only);
  const [loadMs, loadCpuMs] = [performance.now() - from, cpuMs()];
  const results: Float32Array[] = [];
  for (const { name, data, shape } of passes) results.push(await model[name](data, shape));
  const [firstMs, firstCpuMs] = [performance.now() - from, cpuMs()];
  return {
    loadMs,
    firstMs,
    loadCpuMs,
    firstCpuMs,
    residentBytes: await statusOf("VmRSS"),
    peakBytes: await statusOf("VmHWM"),
    weightsHeld: model.weightsHeld(),
    latents: only === "decoder" ? [] : Array.from(results[0].subarray(0, 1000)),
    batch: batch ? await measureBatch(model, stored, batch) : {},
  };
}

async function measureBatch(model: Loaded, stored: StoredModel, batch: StoredModel): Promise<Measured["batch"]> {
  const batchModel = await model.forBatch(batch);
  const times: Measured["batch"] = {};
  for (const name of Object.values(HALVES)) {
    const one = inputOf(stored, name), many = inputOf(batch, name);
    const alone: number[] = [];
    for (let call = 0; call < CALLS; call++) alone.push(await time(() => model[name](one.data, one.shape)));
    const batchMs = await time(() => batchModel[name](many.data, many.shape));
    times[name] = { aloneMs: median(alone), batchMs: batchMs / many.shape[0] };
  }
  return times;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

function inputOf(stored: StoredModel, name: "encode" | "decode") {
  const { shape } = stored[name];
  const length = shape.reduce((product, side) => product * side, 1);
  return { shape, data: Float32Array.from({ length }, (_, i) => Math.sin(i / 7)) };
}

async function time(run: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await run();
  return performance.now() - from;
}

/** Bytes of an entry of this process's status. */
async function statusOf(name: string): Promise<number | null> {
  const status = await Deno.readTextFile("/proc/self/status").catch(() => "");
  const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

console.log(JSON.stringify(await measure(JSON.parse(Deno.args[0]))));
Deno.exit(0);

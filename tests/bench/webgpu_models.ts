// deno-lint-ignore-file no-console -- it prints a report
/**
 * Whole models on the WebGPU adapter beside ONNX Runtime's WebGPU provider: same process, adapter and weights; with weights
 * held compactly and for speed, and in float16 too, where the adapter has it. Then torch, where `python3` has one with a GPU.
 *
 *     deno task bench:webgpu:models [--models=vq-f4,amused,movq] [--passes=encode,tokenize,decode] [--sides=64] [--rounds=3]
 *       [--torch] [--json]
 *
 * Sides are 256 and 512 by default on a GPU, 64 on a software adapter. `--torch` runs torch without a GPU too. Engines
 * take turns, torch apart, which runs after them; times are the least of the rounds, from host data to host data; those of
 * the ops alone are by the device's clock. FLOPs are those of the direct methods. Bytes are the most that buffers of an
 * engine's device held, from before the weights are uploaded. "First" is the first result after loading, which includes
 * compiling; a driver's own cache on disk may make it shorter. "Differ" is the relative error, or the share of tokens.
 * What cannot compute a pass is left out; why, goes to standard error.
 */
import { createWebGpuBackend, findAdapter, isSoftware, type WebGpuOptions } from "../../kernels/webgpu/mod.ts";
import { relativeError } from "../support/golden.ts";
import { countGpuBuffers, peakBytesOf } from "./gpu_buffers.ts";
import {
  type Contender,
  flopsOf,
  onnx,
  option,
  ours,
  type Pass,
  passesOf,
  race,
  start,
  type Starter,
} from "./models.ts";
import { hasCudaTorch, runTorch } from "./torch.ts";

/** What was measured of one engine. */
interface Run {
  readonly name: string;
  readonly ms: number;
  readonly firstMs: number;
  /** Milliseconds of the ops alone, by the device's clock. */
  readonly opsMs: number | null;
  readonly peakBytes: number | null;
  readonly result: ArrayLike<number>;
}

/** A run beside ours. */
interface Row extends Omit<Run, "name" | "result"> {
  readonly model: string;
  readonly pass: Pass["name"];
  readonly side: number;
  readonly engine: string;
  readonly gflops: number;
  /** The same of the ops alone. */
  readonly opsGflops: number | null;
  /** How many times as long this engine takes as ours. */
  readonly ratio: number;
  /** From our result. */
  readonly differ: number;
}

countGpuBuffers();
const adapter = await findAdapter();
if (!adapter) throw new Error("There is no WebGPU adapter to measure");
const software = isSoftware(adapter.info);
const sides = option("sides", software ? "64" : "256,512").split(",").map(Number);
const passes = option("passes", "encode,tokenize,decode").split(",");
const rounds = Number(option("rounds", "3"));
const json = Deno.args.includes("--json");
const withTorch = Deno.args.includes("--torch") || await hasCudaTorch();
const web = await import("npm:onnxruntime-web@1.30.0/webgpu");

async function measure(pass: Pass, side: number): Promise<Row[]> {
  const runs = await runInTurns(pass);
  if (withTorch) runs.push(...await runTorch(pass, rounds).catch(leaveOut));
  const [{ ms, result }] = runs;
  const gflops = (ms: number) => flopsOf(pass) / ms / 1e6;
  const difference = pass.name === "tokenize" ? shareThatDiffers : relativeError;
  return runs.map(({ name, result: theirs, ...run }) => ({
    model: pass.model,
    pass: pass.name,
    side,
    engine: name,
    ...run,
    gflops: gflops(run.ms),
    opsGflops: run.opsMs && gflops(run.opsMs),
    ratio: run.ms / ms,
    differ: difference(theirs, result),
  }));
}

/** Ours first. */
async function runInTurns(pass: Pass): Promise<Run[]> {
  const open = async (name: string, options: WebGpuOptions = {}) => {
    return ours(name, await createWebGpuBackend(options), pass);
  };
  const weights = software ? "compact" : "fast"; // not the default
  const others = [
    () => onnx("onnxruntime-web", web, pass, { executionProviders: ["webgpu"] }),
    () => open(`this engine, ${weights} weights`, { weights }),
  ];
  if (adapter!.features.has("shader-f16")) others.push(() => open("this engine, float16", { dtype: "float16" }));

  const starters = [await startCounting(() => open("this engine"), pass)];
  for (const other of others) starters.push(...await startCounting(other, pass).then((it) => [it], leaveOut));
  const times = await race(starters, pass.x, rounds);
  const runs: Run[] = [];
  for (const [i, { name, first, peakBytes, result, opsMs, close }] of starters.entries()) {
    runs.push({
      name,
      ms: Math.min(...times[i]),
      firstMs: first,
      opsMs: await opsMs?.(pass.x) ?? null,
      peakBytes,
      result,
    });
    await close();
  }
  return runs;
}

async function startCounting(open: () => Promise<Contender>, { x }: Pass): Promise<Starter & { peakBytes: number }> {
  const { result, peakBytes } = await peakBytesOf(() => start(open, x));
  return { ...result, peakBytes };
}

function leaveOut(error: Error): [] {
  console.error(`Left out: ${error.message}`);
  return [];
}

function shareThatDiffers(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).filter((value, i) => value !== b[i]).length / b.length;
}

function format(row: Row): string {
  const fixed = (value: number | null, digits: number) => value === null ? "" : value.toFixed(digits);
  const seconds = (ms: number | null, digits: number) => fixed(ms && ms / 1e3, digits);
  const cells = [
    `${row.model} ${row.pass} ${row.side}²`,
    row.engine,
    seconds(row.ms, 4),
    seconds(row.firstMs, 2),
    seconds(row.opsMs, 4),
    fixed(row.gflops, 1),
    fixed(row.opsGflops, 1),
    fixed(row.peakBytes && row.peakBytes / 2 ** 20, 0),
    fixed(row.ratio, 2),
    row.differ.toExponential(1),
  ];
  return `| ${cells.join(" | ")} |`;
}

const rows: Row[] = [];
if (!json) {
  console.log(`${adapter.info.description || "WebGPU adapter"}\n`);
  console.log("| pass | engine | s | first s | ops s | GFLOP/s | of the ops | peak MiB | times ours | differ |");
  console.log("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|");
}
for (const model of option("models", "vq-f4,amused,movq").split(",")) {
  for (const side of sides) {
    for (const pass of passesOf(model, side)) {
      if (!passes.includes(pass.name)) continue;
      const measured = await measure(pass, side);
      rows.push(...measured);
      if (!json) measured.forEach((row) => console.log(format(row)));
    }
  }
}
if (json) console.log(JSON.stringify({ adapter: adapter.info.description, rows }, null, 2));
Deno.exit(0);

// deno-lint-ignore-file no-console -- it prints a report
/**
 * Whole models on the WebGPU adapter beside ONNX Runtime's WebGPU provider: same process, adapter and weights.
 *
 *     deno task bench:webgpu:models [--models=vq-f4,amused,movq] [--passes=encode,tokenize,decode] [--sides=64] [--rounds=3] [--json]
 *
 * Sides are 256 and 512 by default on a GPU, 64 on a software adapter. Engines take turns; times are the least of the
 * rounds, from host data to host data. FLOPs are those of the direct methods. Bytes are the most that buffers of an
 * engine's device held, from before the weights are uploaded. "First" is the first result after loading, which includes
 * compiling; a driver's own cache on disk may make it shorter. "Differ" is the relative error, or the share of tokens.
 */
import { createWebGpuBackend } from "../../kernels/webgpu/backend.ts";
import { findAdapter, isSoftware } from "../../kernels/webgpu/device.ts";
import { relativeError } from "../golden.ts";
import { countGpuBuffers, peakBytesOf } from "./gpu_buffers.ts";
import { flopsOf, onnx, option, ours, type Pass, passesOf, race, start, type Starter } from "./models.ts";

interface Row {
  readonly model: string;
  readonly pass: Pass["name"];
  readonly side: number;
  readonly engine: string;
  readonly ms: number;
  readonly firstMs: number;
  readonly gflops: number;
  readonly peakBytes: number;
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
const web = await import("npm:onnxruntime-web@1.30.0/webgpu");

async function measure(pass: Pass, side: number): Promise<Row[]> {
  const openers = [
    async () => ours("this engine", await createWebGpuBackend(), pass),
    () => onnx("onnxruntime-web", web, pass, { executionProviders: ["webgpu"] }),
  ];
  const starters: (Starter & { peakBytes: number })[] = [];
  for (const open of openers) {
    const { result, peakBytes } = await peakBytesOf(() => start(open, pass.x));
    starters.push({ ...result, peakBytes });
  }
  const least = await race(starters, pass.x, rounds);
  for (const contender of starters) await contender.close();
  return starters.map(({ name, first, peakBytes, result }, i) => ({
    model: pass.model,
    pass: pass.name,
    side,
    engine: name,
    ms: least[i],
    firstMs: first,
    gflops: flopsOf(pass) / least[i] / 1e6,
    peakBytes,
    ratio: least[i] / least[0],
    differ: (pass.name === "tokenize" ? shareThatDiffers : relativeError)(result, starters[0].result),
  }));
}

function shareThatDiffers(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).filter((value, i) => value !== b[i]).length / b.length;
}

function format({ model, pass, side, engine, ms, firstMs, gflops, peakBytes, ratio, differ }: Row): string {
  const cells = [
    `${model} ${pass} ${side}²`,
    engine,
    (ms / 1e3).toFixed(3),
    (firstMs / 1e3).toFixed(2),
    gflops.toFixed(1),
    (peakBytes / 2 ** 20).toFixed(0),
    ratio.toFixed(2),
    differ.toExponential(1),
  ];
  return `| ${cells.join(" | ")} |`;
}

const rows: Row[] = [];
if (!json) {
  console.log(`${adapter.info.description || "WebGPU adapter"}\n`);
  console.log("| pass | engine | s | first s | GFLOP/s | peak MiB | times ours | differ |");
  console.log("|---|---|---:|---:|---:|---:|---:|---:|");
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

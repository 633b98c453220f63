// deno-lint-ignore-file no-console -- it prints a report
/**
 * Whole models at 256×256 on the CPU engine beside onnxruntime-node and onnxruntime-web, with the same weights; then how the
 * time of this engine grows with the batch and with the picture.
 *
 *     deno task bench:models [--threads=2] [--models=vq-f4,amused,movq] [--rounds=5] [--no-web] [--no-growth]
 *     deno task bench:models --start [--only] [--batches=8,32] [--rounds=3] [--folder=DIR] [--json]
 *
 * Engines take turns. Times are the least of the rounds, ratios the median of those of each round. The task lets V8 make
 * vectors of 256 bits where it can; to measure without, run this file by itself.
 *
 * `--start` measures in fresh processes what it takes to load a model from files and to compute once, with `--only` also
 * for each half of the model; `--batches`, with or without it, how many pictures a second come out of batches, and one by
 * one. Figures are then medians. `DIR` keeps the models' files for the next time, some 3 GB.
 */
import { createWasmBackend } from "../../kernels/wasm/mod.ts";
import { vectorsAreWide } from "../../kernels/wasm/threads/revectorize.ts";
import { relativeError } from "../support/golden.ts";
import { measureFmaPeak } from "./fma_peak.ts";
import {
  type Contender,
  flopsOf,
  medianRatio,
  onnx,
  option,
  ours,
  type Pass,
  passesOf,
  race,
  start,
  type Starter,
} from "./models.ts";

const threads = Number(option("threads", String(navigator.hardwareConcurrency)));
const rounds = Number(option("rounds", "5"));

async function openers(pass: Pass): Promise<(() => Promise<Contender>)[]> {
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1 };
  const node = await import("npm:onnxruntime-node@1.30.0");
  const list = [
    async () => ours("this engine", await createWasmBackend({ threads }), pass),
    () => onnx("onnxruntime-node", node.default ?? node, pass, { ...options, executionProviders: ["cpu"] }),
  ];
  if (!Deno.args.includes("--no-web")) {
    const web = await import("npm:onnxruntime-web@1.30.0");
    web.env.wasm.numThreads = threads;
    list.push(() => onnx("onnxruntime-web", web, pass, { ...options, executionProviders: ["wasm"] }));
  }
  return list;
}

async function compare(pass: Pass): Promise<void> {
  const title = `${pass.model} ${pass.name}`.padEnd(16);
  const starters: Starter[] = [];
  for (const open of await openers(pass)) starters.push(await start(open, pass.x));
  const times = await race(starters, pass.x, (name) => name === "onnxruntime-web" ? 1 : rounds);
  const peak = measureFmaPeak() * threads;
  starters.forEach(({ name, first, resident }, i) => {
    const least = Math.min(...times[i]);
    const rate = flopsOf(pass) / least / 1e6;
    console.log(
      `${title} ${name.padEnd(17)} first ${(first / 1e3).toFixed(2)} s, ` +
        `least ${(least / 1e3).toFixed(3)} s, ${rate.toFixed(0).padStart(4)} GFLOP/s ` +
        `= ${(rate / peak).toFixed(2)} of the peak, ${(resident / 2 ** 20).toFixed(0)} MiB` +
        (i ? `; this engine is ${medianRatio(times[0], times[i]).toFixed(2)} times as fast` : ""),
    );
  });
  console.log(`${title} differ by ${relativeError(starters[0].result, starters[1].result).toExponential(1)}`);
  for (const contender of starters) await contender.close();
}

/** Times larger passes beside the plain one, in turns, on one engine each. */
async function measureGrowth(model: string): Promise<void> {
  const sizes = [{ side: 256, batch: 1 }, { side: 256, batch: 4 }, { side: 128, batch: 1 }, { side: 512, batch: 1 }];
  for (const name of ["encode", "decode"]) {
    const passes = sizes.map(({ side, batch }) => passesOf(model, side, batch).find((pass) => pass.name === name)!);
    const times = passes.map(() => Infinity);
    const engines: Contender[] = [];
    for (const pass of passes) engines.push(await ours(name, await createWasmBackend({ threads }), pass));
    for (let round = 0; round <= rounds; round++) {
      for (const [i, { x }] of passes.entries()) times[i] = Math.min(times[i], (await race([engines[i]], x, 1))[0][0]);
    }
    for (const engine of engines) await engine.close();
    const [one, ...others] = times;
    const costs = others.map((time, i) => {
      const { side, batch } = sizes[i + 1];
      const pixels = batch * side ** 2 / 256 ** 2;
      return `${batch} of ${side}² cost ${(time / one).toFixed(2)} times as much (pixels: ${pixels})`;
    });
    console.log(`${`${model} ${name}`.padEnd(16)} against 1 of 256²: ${costs.join(", ")}`);
  }
}

if (Deno.args.some((arg) => /^--(start|batches)/.test(arg))) {
  const { report } = await import("./processes/report.ts");
  await report();
  Deno.exit(0);
}
console.log(`${threads} threads, vectors of ${await vectorsAreWide() ? 256 : 128} bits`);
for (const model of option("models", "vq-f4,amused,movq").split(",")) {
  for (const pass of passesOf(model, 256)) await compare(pass);
  if (!Deno.args.includes("--no-growth")) await measureGrowth(model);
}
const { VmHWM } = Object.fromEntries(
  (await Deno.readTextFile("/proc/self/status").catch(() => "")).split("\n").map((line) => line.split(/:\s+/)),
);
console.log(`peak resident set: ${VmHWM ?? "known on Linux only"}`);
Deno.exit(0);

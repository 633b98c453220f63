// deno-lint-ignore-file no-console -- it prints a report
/**
 * Single ops on this machine's WebGPU adapter beside ONNX Runtime's WebGPU provider: same process and adapter.
 *
 *     deno task bench:webgpu [filter] [--rounds=5] [--no-web]
 *
 * Each op is computed several times in one run: convolutions are each added to the one before, but for those of stride 2,
 * norms and attentions take the one before. From the time of a run is taken what the same engine needs to pass the input through, so that uploads,
 * readbacks and the wait for the end (11 ms in Deno) do not count. FLOPs are those of the direct method, two for each
 * multiplication, whatever the algorithm computes. Engines take turns; times are the least of the rounds.
 */
import { operands } from "../../kernels/graph/graph.ts";
import { Graph, macs, type Node, type Op } from "../../kernels/mod.ts";
import { createWebGpuBackend } from "../../kernels/webgpu/mod.ts";
import { openGpu } from "../../kernels/webgpu/device/device.ts";
import { relativeError } from "../support/golden.ts";
import { fnv1a32 } from "../support/synthetic.ts";
import { type Network, onnx, option, ours, race, start, type Starter, wave } from "./models.ts";
import type { Values } from "./onnx_export.ts";

/** Times each op is computed in a run. */
const REPEATS = 4;

interface Case {
  readonly name: string;
  readonly shape: readonly [channels: number, side: number];
  /** Records the op the i-th time, on the input and what it made the time before. */
  record(graph: Graph, x: Node, before: Node | undefined, i: number): Node;
}

interface ConvOptions {
  readonly kernel?: 1 | 3;
  readonly stride?: 1 | 2;
  readonly upsample?: boolean;
}

function conv(ins: number, out: number, side: number, options: ConvOptions = {}): Case {
  const { kernel = 3, stride = 1, upsample } = options;
  const extra = `${stride === 2 ? ", stride 2" : ""}${upsample ? ", upsampled" : ""}`;
  return {
    name: `${kernel}×${kernel} ${ins} → ${out}, ${side}²${extra}`,
    shape: [ins, side],
    record: (graph, x, before, i) => {
      const residual = stride === 1 ? before : undefined; // in models, too
      return graph.conv2d(x, { kind: "conv", name: `conv${i}`, in: ins, out, kernel, stride }, { upsample, residual });
    },
  };
}

function norm(channels: number, side: number): Case {
  return {
    name: `group norm, SiLU ${channels}, ${side}²`,
    shape: [channels, side],
    record: (graph, x, before = x) =>
      graph.groupNorm(before, { kind: "norm", name: "norm", channels }, {
        groups: 32,
        epsilon: 1e-6,
        activation: "silu",
      }),
  };
}

function attention(channels: number, side: number): Case {
  return {
    name: `attention ${channels}, ${side}²`,
    shape: [channels, side],
    record: (graph, x, before = x) => graph.attention(before, x, x),
  };
}

const CASES: readonly Case[] = [
  conv(128, 128, 64),
  conv(256, 256, 32),
  conv(512, 512, 16),
  conv(512, 512, 8),
  conv(64, 64, 64),
  conv(32, 32, 128),
  conv(128, 128, 32, { upsample: true }),
  conv(128, 128, 64, { stride: 2 }),
  conv(256, 256, 32, { stride: 2 }),
  conv(256, 256, 32, { kernel: 1 }),
  conv(512, 512, 16, { kernel: 1 }),
  conv(256, 128, 64, { kernel: 1 }),
  conv(3, 128, 128),
  conv(128, 3, 128),
  conv(512, 4, 32),
  conv(4, 512, 32),
  norm(128, 128),
  norm(512, 32),
  attention(512, 16),
  attention(512, 32),
];

const filter = Deno.args.find((arg) => !arg.startsWith("--")) ?? "";
const rounds = Number(option("rounds", "5"));
const web = Deno.args.includes("--no-web") ? undefined : await import("npm:onnxruntime-web@1.30.0/webgpu");

const { device } = await openGpu();
const limit = (await peak(device)).toFixed(0);
console.log(`${device.adapterInfo.description || "WebGPU adapter"}: ${limit} GFLOP/s of multiply-adds in registers\n`);
device.destroy();

console.log("| op | ms | GFLOP/s | GB/s | ONNX Runtime ms | times ours | differ |");
console.log("|---|---:|---:|---:|---:|---:|---:|");
for (const one of CASES.filter(({ name }) => name.includes(filter))) {
  console.log(`| ${(await measure(one)).join(" | ")} |`);
}
Deno.exit(0);

/** A graph that computes an op some times; or only passes its input through. */
function repeat({ shape: [channels, side], record }: Case, times: number): Graph {
  const graph = new Graph();
  const x = graph.input([1, channels, side, side]);
  let y: Node | undefined;
  for (let i = 0; i < times; i++) y = record(graph, x, y, i);
  const used = new Set(graph.nodes.flatMap(operands));
  for (const node of graph.nodes) if (!used.has(node)) graph.output(node);
  return graph;
}

async function measure(one: Case): Promise<string[]> {
  const graphs = [repeat(one, REPEATS), repeat(one, 0)];
  const [x, op] = graphs[0].nodes;
  const input = wave(graphs[0]);
  const values = smallValues(op);
  const networks = graphs.map((graph): Network => ({ graph, values }));
  const starters: Starter[] = [];
  for (const network of networks) {
    starters.push(await start(async () => ours("this engine", await createWebGpuBackend(), network), input));
  }
  for (const network of web ? networks : []) {
    starters.push(await start(() => onnx("onnxruntime", web, network, { executionProviders: ["webgpu"] }), input));
  }
  const [run, pass, theirRun, theirPass] = (await race(starters, input, rounds)).map((times) => Math.min(...times));
  for (const starter of starters) await starter.close();
  const [ms, theirs] = [(run - pass) / REPEATS, (theirRun - theirPass) / REPEATS];
  const bytes = 4 * [x, op].reduce((sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1), 0);
  return [
    one.name,
    ms.toFixed(1),
    (2 * macs(op) / ms / 1e6).toFixed(1),
    (bytes / ms / 1e6).toFixed(2),
    ...(web
      ? [
        theirs.toFixed(1),
        (theirs / ms).toFixed(1),
        relativeError(starters[2].result, starters[0].result).toExponential(0),
      ]
      : ["", "", ""]),
  ];
}

/** Weights that keep a chain of ops in range, other ones for each layer: ONNX Runtime computes equal ops only once. */
function smallValues(op: Op): Values {
  const biases = op.shape[1];
  const weights = op.kind === "conv2d" ? macs(op) / (op.shape[2] * op.shape[3]) : biases;
  return (name) => {
    const seed = fnv1a32(name);
    const weight = Float32Array.from({ length: weights }, (_, i) => Math.sin(i + seed) / Math.sqrt(weights / biases));
    return { weight, bias: new Float32Array(biases).fill(0.1) };
  };
}

async function least(run: () => Promise<void>): Promise<number> {
  await run();
  let best = Infinity;
  for (let i = 0; i < rounds; i++) {
    const from = performance.now();
    await run();
    best = Math.min(best, performance.now() - from);
  }
  return best;
}

/** GFLOP/s of a kernel that only multiplies and adds in registers. */
async function peak(device: GPUDevice): Promise<number> {
  const [accumulators, rounds, groups] = [8, 4096, 512];
  const each = Array.from({ length: accumulators }, (_, i) => i);
  const code = `
@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let m = vec4f(f32(id.x) * 1e-9 + 0.5);
  ${each.map((i) => `var s${i} = vec4f(${i}.0);`).join(" ")}
  for (var k = 0u; k < ${rounds}u; k++) { ${each.map((i) => `s${i} = fma(s${i}, m, m);`).join(" ")} }
  y[id.x] = ${each.map((i) => `s${i}`).join(" + ")};
}`;
  const buffer = device.createBuffer({ size: groups * 64 * 16, usage: GPUBufferUsage.STORAGE });
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
  });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer } }],
  });
  const ms = await least(async () => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(groups);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
  });
  buffer.destroy();
  return groups * 64 * rounds * accumulators * 4 * 2 / ms / 1e6;
}

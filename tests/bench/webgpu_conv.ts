// deno-lint-ignore-file no-console
/**
 * Convolutions on this machine's WebGPU adapter: GFLOP/s of each shape and algorithm, next to what the adapter can do.
 *
 *     deno task bench:webgpu [filter]
 *
 * FLOPs are those of the direct method, two for each multiplication, whatever the algorithm computes. Times are the best
 * of several runs from upload to readback of one number, so they hold about 10 ms of waiting.
 */
import { type ConvParameter, Graph, macs, type Node, Tensor } from "../../kernels/mod.ts";
import { createWebGpuBackend } from "../../kernels/webgpu/backend.ts";
import { openGpu } from "../../kernels/webgpu/device.ts";

interface Shape {
  readonly in: number;
  readonly out: number;
  readonly side: number;
  readonly kernel?: 1 | 3;
  readonly stride?: 1 | 2;
  readonly upsample?: boolean;
}

const SHAPES: Shape[] = [
  { in: 256, out: 256, side: 64 },
  { in: 128, out: 128, side: 128 },
  { in: 512, out: 512, side: 32 },
  { in: 64, out: 64, side: 256 },
  { in: 32, out: 32, side: 256 },
  { in: 128, out: 128, side: 64, upsample: true },
  { in: 128, out: 128, side: 128, stride: 2 },
  { in: 256, out: 256, side: 64, kernel: 1 },
  { in: 3, out: 128, side: 256 },
  { in: 128, out: 3, side: 256 },
];

const RUNS = 5;
/** Convolutions in a run, so that the wait for its end weighs less. */
const REPEATS = 4;

const { device } = await openGpu();
console.log(
  `${device.adapterInfo.description || "WebGPU adapter"}: ${
    (await peak(device)).toFixed(0)
  } GFLOP/s of multiply-adds in registers\n`,
);
console.log("| convolution | algorithm | GFLOP/s | ms |\n|---|---|---:|---:|");
for (const algorithm of ["winograd", "direct"] as const) {
  const backend = await createWebGpuBackend({ device, algorithm });
  for (const shape of SHAPES) {
    const { kernel = 3, stride = 1 } = shape;
    const used = kernel === 3 && stride === 1 ? algorithm : "direct";
    const name = label(shape);
    if (used !== algorithm || (Deno.args[0] && !name.includes(Deno.args[0]))) continue;
    const parameter: ConvParameter = { kind: "conv", name, in: shape.in, out: shape.out, kernel, stride };
    const weights = new Float32Array(shape.in * shape.out * kernel * kernel).fill(1e-3);
    await backend.setParameter(parameter, weights, new Float32Array(shape.out));
    const graph = new Graph();
    const x = graph.input([1, shape.in, shape.side, shape.side]);
    const results = Array.from({ length: REPEATS }, () => graph.conv2d(x, parameter, { upsample: shape.upsample }));
    graph.output(graph.squaredError(results[0], results.at(-1)!, 1));
    const program = await backend.compile(graph);
    const ms = await best(async () => {
      using input = new Tensor(new Float32Array(shape.in * shape.side ** 2).fill(1), x.shape);
      const [error] = await program.run([input]);
      await error.data();
      error.dispose();
    });
    const flops = 2 * REPEATS * macs(results[0] as Node as Parameters<typeof macs>[0]);
    console.log(`| ${name} | ${used} | ${(flops / ms / 1e6).toFixed(1)} | ${(ms / REPEATS).toFixed(1)} |`);
    program.dispose();
  }
  backend.dispose();
}
device.destroy();

function label({ in: ins, out, side, kernel = 3, stride = 1, upsample }: Shape): string {
  return `${kernel}×${kernel} ${ins} → ${out}, ${side}²${stride === 2 ? ", stride 2" : ""}${
    upsample ? ", upsampled" : ""
  }`;
}

async function best(run: () => Promise<void>): Promise<number> {
  await run();
  let least = Infinity;
  for (let i = 0; i < RUNS; i++) {
    const start = performance.now();
    await run();
    least = Math.min(least, performance.now() - start);
  }
  return least;
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
  const ms = await best(async () => {
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

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Backend, DeviceError, Graph, type OpCost, type Program, Tensor } from "../../kernels/mod.ts";
import { createWebGpuBackend } from "../../kernels/webgpu/mod.ts";
import { testOnEveryEngine } from "./engines.ts";
import { openDevice, testOn } from "../support/engines.ts";

const CONV = { kind: "conv", name: "level.0.conv", in: 3, out: 8, kernel: 3, stride: 1 } as const;
const NORM = { kind: "norm", name: "level.0.norm", channels: 8 } as const;
const CODES = { kind: "codebook", name: "quantize.embedding", codes: 7, channels: 8 } as const;

/** What each op of {@linkcode compile} does, counted by hand: 2 × 3 pixels, float32. */
const COSTS: OpCost[] = [
  { op: "conv2d", name: "level.0.conv", shape: [1, 8, 2, 3], flops: 2 * 6 * 3 * 8 * 9, bytes: 4 * (18 + 224 + 48) },
  { op: "groupNorm", name: "level.0.norm", shape: [1, 8, 2, 3], flops: 0, bytes: 4 * (48 + 16 + 48) },
  { op: "attention", name: "level.0", shape: [1, 8, 2, 3], flops: 4 * 6 * 6 * 8, bytes: 4 * 4 * 48 },
  { op: "nearestCode", name: "quantize.embedding", shape: [1, 2, 3], flops: 2 * 6 * 7 * 8, bytes: 4 * (48 + 56 + 6) },
  { op: "lookup", name: "quantize.embedding", shape: [1, 8, 2, 3], flops: 0, bytes: 4 * (6 + 48 + 48) },
  { op: "straightThrough", name: "quantize", shape: [1, 8, 2, 3], flops: 0, bytes: 4 * 3 * 48 },
  { op: "squaredError", name: "quantize", shape: [], flops: 0, bytes: 4 * (2 * 48 + 1) },
];

async function compile(backend: Backend): Promise<Program> {
  await backend.setParameter(CONV, new Float32Array(216), new Float32Array(8));
  await backend.setParameter(NORM, new Float32Array(8), new Float32Array(8));
  await backend.setParameter(CODES, new Float32Array(56), new Float32Array());
  const g = new Graph();
  const x = g.conv2d(g.input([1, 3, 2, 3]), CONV);
  const z = g.attention(x, g.groupNorm(x, NORM, { groups: 2, epsilon: 1e-6 }), x);
  const codes = g.lookup(g.nearestCode(z, CODES), CODES);
  g.output(g.straightThrough(z, codes));
  g.output(g.squaredError(z, codes, 1));
  return await backend.compile(g);
}

const picture = () => new Tensor(new Float32Array(18), [1, 3, 2, 3]);

testOnEveryEngine("a profile names every op, its cost and its time", async (backend) => {
  const program = await compile(backend);
  const profile = await program.profile([picture()]);
  const costs = profile.map(({ milliseconds, ...cost }) => {
    assert(milliseconds >= 0 && milliseconds < 5000, `${cost.name} took ${milliseconds} ms`);
    return cost;
  });
  assert(profile.some(({ milliseconds }) => milliseconds > 0));
  assertEquals(costs.filter(({ op }) => op !== "input" && op !== "output"), COSTS);
  const transfers = costs.filter(({ op }) => op === "input" || op === "output");
  assertEquals(
    transfers,
    backend.device === "wasm" ? [] : [
      { op: "input", name: "inputs.0", shape: [1, 3, 2, 3], flops: 0, bytes: 4 * 2 * 18 },
      { op: "output", name: "outputs.0", shape: [1, 8, 2, 3], flops: 0, bytes: 4 * 2 * 48 },
    ],
  );
});

testOnEveryEngine(
  "profiling leaves no memory behind, refuses what running refuses, and can be stopped",
  async (backend) => {
    const program = await compile(backend);
    await program.profile([picture()]);
    const { buffers } = backend.memory;
    for (const result of await program.run([picture()])) result.dispose();
    await program.profile([picture()]);
    assertEquals(backend.memory.buffers, buffers);
    await assertRejects(() => program.profile([]), TypeError, "it takes 1 inputs, got 0");
    const signal = AbortSignal.abort(new Error("stop"));
    await assertRejects(() => program.profile([picture()], { signal }), Error, "stop");
    program.dispose();
    await assertRejects(() => program.profile([picture()]), TypeError, "it was disposed");
  },
);

testOn("webgpu", "a device without timestamps says what it lacks, and computes all the same", async () => {
  const device = await openDevice();
  const backend = await createWebGpuBackend({ device });
  const program = await compile(backend);
  await assertRejects(() => program.profile([picture()]), DeviceError, "it lacks the feature timestamp-query");
  for (const result of await program.run([picture()])) result.dispose();
  backend.dispose();
  device.destroy();
});

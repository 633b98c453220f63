/** Values that are NaN or infinite, and sums so long that they reach the limits of adapters. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Tensor } from "../../kernels/mod.ts";
import { assertClose } from "../support/golden.ts";
import { runOp, testOnEveryEngine } from "./engines.ts";
import { randomTensor, tensorOf } from "./tensors.ts";

const SOME = ["webgpu", "webgpu, tuned for hardware", "wasm on 3 threads, 256 bits"];

testOnEveryEngine("a group of more sums than one lane can add up is normalized", async (backend) => {
  const [channels, height, width] = [512, 256, 160];
  const parameter = { kind: "norm", name: "norm", channels } as const;
  const ones = { data: new Float32Array(channels).fill(1), shape: [channels] };
  const zeros = { data: new Float32Array(channels), shape: [channels] };
  // Of each channel the second half is 2, so the mean of all is 1 and that of the first half 0.
  const area = height * width;
  const x = Float32Array.from({ length: channels * area }, (_, i) => i % area < area / 2 ? 0 : 2);
  const { data } = await runOp(
    backend,
    [new Tensor(x, [1, channels, height, width])],
    [{ parameter, weight: ones, bias: zeros }],
    (g, [node]) => g.groupNorm(node, parameter, { groups: 1, epsilon: 0 }),
  );
  for (const i of [0, area / 2 - 1, 511 * area]) assertAlmostEquals(data[i], -1, 1e-5);
  for (const i of [area / 2, area - 1, 512 * area - 1]) assertAlmostEquals(data[i], 1, 1e-5);
}, SOME);

testOnEveryEngine("a loss of more sums than one lane can add up is whole", async (backend) => {
  const [x, code] = [1, 0].map((value) => new Tensor(new Float32Array(2048 * 2048).fill(value), [1, 1, 2048, 2048]));
  const { data } = await runOp(backend, [x, code], [], (g, [a, b]) => g.squaredError(a, b, 1));
  assertAlmostEquals(data[0], 1, 1e-5);
}, SOME);

testOnEveryEngine("more than a million pixels are all computed", async (backend) => {
  const side = 1300;
  const x = Float32Array.from({ length: side * side }, (_, i) => i % 3);
  const conv = { kind: "conv", name: "conv", in: 1, out: 1, kernel: 1, stride: 1 } as const;
  const codebook = { kind: "codebook", name: "codes", codes: 3, channels: 1 } as const;
  const { data } = await runOp(
    backend,
    [new Tensor(x, [1, 1, side, side])],
    [
      {
        parameter: conv,
        weight: { data: new Float32Array([-1]), shape: [1] },
        bias: { data: new Float32Array([1]), shape: [1] },
      },
      { parameter: codebook, weight: { data: new Float32Array([-1, 0, 1]), shape: [3, 1] } },
    ],
    (g, [node]) => g.lookup(g.nearestCode(g.conv2d(node, conv), codebook), codebook),
  );
  assertEquals(data.findIndex((value, i) => value !== 1 - x[i]), -1);
}, SOME);

testOnEveryEngine("latents of any height are quantized", async (backend) => {
  const parameter = { kind: "codebook", name: "codes", codes: 2, channels: 1 } as const;
  const weight = { data: new Float32Array([0, 1]), shape: [2, 1] };
  const x = Float32Array.from({ length: 70_000 }, (_, i) => i % 2);
  const { data } = await runOp(
    backend,
    [new Tensor(x, [1, 1, 70_000, 1])],
    [{ parameter, weight }],
    (g, [node]) => g.nearestCode(node, parameter),
  );
  assertEquals(data.findIndex((index, i) => index !== i % 2), -1);
}, SOME);

testOnEveryEngine("a norm over NaN is NaN, whatever the activation", async (backend) => {
  const parameter = { kind: "norm", name: "norm", channels: 8 } as const;
  const [weight, bias] = [randomTensor([8], 1), randomTensor([8], 2)];
  for (const activation of [undefined, "relu", "silu", "mish", "gelu"] as const) {
    const x = randomTensor([1, 8, 3, 5], 3);
    x.data[4] = NaN;
    const { data } = await runOp(
      backend,
      [tensorOf(x)],
      [{ parameter, weight, bias }],
      (g, [node]) => g.groupNorm(node, parameter, { groups: 2, epsilon: 1e-6, activation }),
    );
    assert(data.subarray(0, 60).every(Number.isNaN), `${activation}: the group of it`);
    assert(!data.subarray(60).some(Number.isNaN), `${activation}: the other group`);
  }
});

testOnEveryEngine("a norm of numbers whose squares are too large is that of smaller ones", async (backend) => {
  const parameter = { kind: "norm", name: "norm", channels: 20 } as const;
  const [weight, bias] = [randomTensor([20], 1), randomTensor([20], 2)];
  const x = randomTensor([2, 20, 96, 40], 3, 1, 0.5);
  const normalize = async (scale: number) => {
    const scaled = { data: x.data.map((value) => value * scale), shape: x.shape };
    const { data } = await runOp(
      backend,
      [tensorOf(scaled)],
      [{ parameter, weight, bias }],
      (g, [node]) => g.groupNorm(node, parameter, { groups: 4, epsilon: 0 }),
    );
    return data;
  };
  const expected = await normalize(1);
  for (const scale of [2 ** 58, 2 ** 70]) assertClose(await normalize(scale), expected, 1e-6, `times ${scale}`);
});

testOnEveryEngine("what a norm makes infinite stays so, whatever the activation", async (backend) => {
  const parameter = { kind: "norm", name: "norm", channels: 4 } as const;
  const weight = { data: new Float32Array(4).fill(3e38), shape: [4] }, bias = { data: new Float32Array(4), shape: [4] };
  const x = { data: new Float32Array(4 * 15), shape: [1, 4, 3, 5] };
  x.data[7] = 10;
  for (const activation of [undefined, "relu", "silu", "mish", "gelu"] as const) {
    const { data } = await runOp(
      backend,
      [tensorOf(x)],
      [{ parameter, weight, bias }],
      (g, [node]) => g.groupNorm(node, parameter, { groups: 1, epsilon: 1e-6, activation }),
    );
    assertEquals(data[7], Infinity, activation);
  }
});

testOnEveryEngine("a query of NaN results in NaN, and other queries are not affected", async (backend) => {
  const [q, k, v] = [1, 2, 3].map((seed) => randomTensor([1, 8, 4, 5], seed));
  const attend = () => runOp(backend, [q, k, v].map(tensorOf), [], (g, [a, b, c]) => g.attention(a, b, c));
  const { data: expected } = await attend();
  q.data[7] = NaN;
  const { data } = await attend();
  data.forEach((value, i) => assertEquals(Number.isNaN(value), i % 20 === 7, `pixel ${i % 20}`));
  const others = (values: ArrayLike<number>) => Float32Array.from(Array.from(values).filter((_, i) => i % 20 !== 7));
  assertClose(others(data), others(expected), 1e-6, "the others");
});

testOnEveryEngine("a picture of two colors is normalized exactly", async (backend) => {
  for (
    const [channels, side, top, rest] of [[4, 128, 30000, 0], [4, 128, 0, 0.7], [8, 128, 0.1, 0.7], [32, 96, 5, -0.3]]
  ) {
    const parameter = { kind: "norm", name: "norm", channels } as const;
    const weight = { data: new Float32Array(channels).fill(1), shape: [channels] };
    const bias = { data: new Float32Array(channels), shape: [channels] };
    const area = side * side, split = area / 16;
    const x = Float32Array.from({ length: channels * area }, (_, i) => i % area < split ? top : rest);
    const { data } = await runOp(
      backend,
      [new Tensor(x, [1, channels, side, side])],
      [{ parameter, weight, bias }],
      (g, [node]) => g.groupNorm(node, parameter, { groups: 2, epsilon: 1e-6 }),
    );
    const [a, b] = [Math.fround(top), Math.fround(rest)];
    const mean = (a + 15 * b) / 16, variance = ((a - mean) ** 2 + 15 * (b - mean) ** 2) / 16;
    const expected = x.map((value) => (value - mean) / Math.sqrt(variance + 1e-6));
    assertClose(data, expected, 1e-5, `${top} above ${rest}`);
  }
});

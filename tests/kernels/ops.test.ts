/** Each op on each engine against the plain reference, at odd shapes. */
import { assertEquals } from "@std/assert";
import type { Activation, Backend, CodebookParameter, CodeMetric, ConvParameter, Node } from "../../kernels/mod.ts";
import { Graph, Tensor } from "../../kernels/mod.ts";
import { assertClose, type Dense } from "../support/golden.ts";
import * as reference from "../support/reference_ops.ts";
import { type Layer, runOp, testOnEveryEngine } from "./engines.ts";
import { randomTensor, tensorOf } from "./tensors.ts";

function convLayer(ins: number, outs: number, kernel: 1 | 3, stride: 1 | 2, seed = 7): Layer & { bias: Dense } {
  const parameter: ConvParameter = { kind: "conv", name: "conv", in: ins, out: outs, kernel, stride };
  const scale = Math.sqrt(3 / (ins * kernel * kernel));
  return {
    parameter,
    weight: randomTensor([outs, ins, kernel, kernel], seed, scale),
    bias: randomTensor([outs], seed + 1),
  };
}

interface ConvCase {
  shape: [n: number, c: number, h: number, w: number];
  out: number;
  kernel?: 1 | 3;
  stride?: 1 | 2;
  upsample?: boolean;
  residual?: boolean;
}

const CONVOLUTIONS: ConvCase[] = [
  { shape: [1, 3, 16, 16], out: 8 },
  { shape: [2, 5, 7, 9], out: 6, residual: true },
  { shape: [1, 33, 19, 23], out: 34 },
  { shape: [3, 36, 5, 6], out: 40, residual: true },
  { shape: [1, 64, 33, 20], out: 3 },
  { shape: [1, 1, 1, 1], out: 1 },
  { shape: [1, 32, 1, 1], out: 32 },
  { shape: [1, 130, 3, 50], out: 66 },
  { shape: [2, 7, 5, 6], out: 9, kernel: 1 },
  { shape: [1, 40, 12, 31], out: 129, kernel: 1, residual: true },
  { shape: [2, 6, 9, 7], out: 10, stride: 2 },
  { shape: [2, 70, 5, 7], out: 10, kernel: 1, residual: true },
  { shape: [3, 66, 6, 5], out: 3, stride: 2 },
  { shape: [1, 36, 3, 3], out: 160 },
  { shape: [1, 34, 16, 36], out: 34, stride: 2 },
  { shape: [2, 18, 11, 13], out: 33, stride: 2, residual: true },
  { shape: [1, 17, 2, 3], out: 4, stride: 2 },
  { shape: [2, 5, 3, 4], out: 6, upsample: true },
  { shape: [1, 32, 9, 7], out: 35, upsample: true },
  { shape: [2, 48, 1, 1], out: 32, upsample: true },
];

testOnEveryEngine("convolutions equal the reference", async (backend, { tolerance }) => {
  for (const { shape, out, kernel = 3, stride = 1, upsample = false, residual = false } of CONVOLUTIONS) {
    const layer = convLayer(shape[1], out, kernel, stride);
    const x = randomTensor(shape, 3);
    const expected = reference.conv2d(x, layer.weight, { bias: layer.bias, stride, upsample });
    const added = randomTensor(expected.shape, 5);
    const inputs = residual ? [tensorOf(x), tensorOf(added)] : [tensorOf(x)];
    const result = await runOp(
      backend,
      inputs,
      [layer],
      (graph, [node, more]) => graph.conv2d(node, layer.parameter as ConvParameter, { upsample, residual: more }),
    );
    assertEquals(result.shape, expected.shape);
    const values = residual ? expected.data.map((value, i) => value + added.data[i]) : expected.data;
    assertClose(result.data, values, tolerance, `conv ${kernel}x${kernel} [${shape}] -> ${out}, stride ${stride}`);
  }
});

testOnEveryEngine("a convolution of ones counts the pixels under the kernel", async (backend) => {
  const ones = (shape: number[]): Dense => ({ data: new Float32Array(shape.reduce((a, b) => a * b)).fill(1), shape });
  const layer: Layer = {
    parameter: { kind: "conv", name: "conv", in: 1, out: 1, kernel: 3, stride: 1 },
    weight: ones([1, 1, 3, 3]),
    bias: ones([1]),
  };
  const { data } = await runOp(
    backend,
    [tensorOf(ones([1, 1, 3, 3]))],
    [layer],
    (graph, [x]) => graph.conv2d(x, layer.parameter as ConvParameter),
  );
  assertEquals([...data].map((value) => Math.round(value * 1e4) / 1e4), [5, 7, 5, 7, 10, 7, 5, 7, 5]);
});

testOnEveryEngine("linear layers equal the reference", async (backend, { tolerance }) => {
  const parameter = { kind: "linear", name: "to_q", in: 24, out: 24 } as const;
  const weight = randomTensor([24, 24], 2, 0.3);
  const bias = randomTensor([24], 3);
  const x = randomTensor([2, 24, 5, 3], 4);
  const result = await runOp(
    backend,
    [tensorOf(x)],
    [{ parameter, weight, bias }],
    (graph, [node]) => graph.conv2d(node, parameter),
  );
  const expected = reference.conv2d(x, { ...weight, shape: [24, 24, 1, 1] }, { bias });
  assertClose(result.data, expected.data, tolerance, "linear");
});

function normLayer(channels: number): Layer & { bias: Dense } {
  return {
    parameter: { kind: "norm", name: "norm", channels },
    weight: randomTensor([channels], 11, 0.5, 1),
    bias: randomTensor([channels], 12, 0.5),
  };
}

testOnEveryEngine("group norms equal the reference with every activation", async (backend) => {
  const cases: [shape: number[], groups: number, activation?: Activation][] = [
    [[1, 8, 5, 7], 4, "silu"],
    [[2, 12, 9, 4], 4, "mish"],
    [[3, 10, 3, 3], 5, "gelu"],
    [[1, 6, 1, 1], 3, "relu"],
    [[2, 96, 20, 17], 32],
    [[1, 32, 70, 70], 32, "silu"],
  ];
  for (const [shape, groups, activation] of cases) {
    const layer = normLayer(shape[1]);
    const x = randomTensor(shape, 3, 5, 1);
    const result = await runOp(
      backend,
      [tensorOf(x)],
      [layer],
      (graph, [node]) => graph.groupNorm(node, layer.parameter as never, { groups, epsilon: 1e-6, activation }),
    );
    const expected = reference.groupNorm(x, { groups, weight: layer.weight, bias: layer.bias, activation });
    assertClose(result.data, expected.data, 2e-6, `group norm [${shape}] ${groups} ${activation}`);
  }
});

testOnEveryEngine("a large mean does not swallow a small variance", async (backend) => {
  for (const [mean, deviation] of [[1000, 1], [1000, 1e-2], [-30, 1e-3], [1e5, 10]]) {
    const layer = normLayer(32);
    const x = randomTensor([2, 32, 24, 24], 5, deviation, mean);
    x.data[0] = mean + 40 * deviation; // an outlier where sums may start
    const result = await runOp(
      backend,
      [tensorOf(x)],
      [layer],
      (graph, [node]) => graph.groupNorm(node, layer.parameter as never, { groups: 8, epsilon: 1e-6 }),
    );
    const expected = reference.groupNorm(x, { groups: 8, weight: layer.weight, bias: layer.bias });
    assertClose(result.data, expected.data, 1e-5, `mean ${mean}, deviation ${deviation}`);
  }
});

testOnEveryEngine("the epsilon of a norm counts where the variance is small", async (backend) => {
  const layer = normLayer(8);
  const x = randomTensor([1, 8, 6, 6], 5, 1e-3);
  const result = await runOp(
    backend,
    [tensorOf(x)],
    [layer],
    (graph, [node]) => graph.groupNorm(node, layer.parameter as never, { groups: 4, epsilon: 1e-6 }),
  );
  const expected = reference.groupNorm(x, { groups: 4, weight: layer.weight, bias: layer.bias });
  assertClose(result.data, expected.data, 2e-6, "epsilon");
});

testOnEveryEngine("spatial norms equal the reference", async (backend) => {
  for (const [shape, h, w] of [[[2, 32, 8, 12], 4, 3], [[1, 64, 5, 5], 5, 5]] as const) {
    const [n, c] = shape;
    const layer = normLayer(c);
    const [x, y, b] = [randomTensor(shape, 3, 2), randomTensor([n, c, h, w], 4, 1, 1), randomTensor([n, c, h, w], 5)];
    const result = await runOp(
      backend,
      [x, y, b].map(tensorOf),
      [layer],
      (graph, [node, scale, shift]) =>
        graph.groupNorm(node, layer.parameter as never, {
          groups: 32,
          epsilon: 1e-6,
          activation: "silu",
          modulation: { scale, shift },
        }),
    );
    const norm = reference.groupNorm(x, { groups: 32, weight: layer.weight, bias: layer.bias });
    const expected = reference.spatialModulation(norm, { y, b, activation: "silu" });
    assertClose(result.data, expected.data, 2e-6, `spatial norm [${shape}]`);
  }
});

testOnEveryEngine("spatial norms take maps that are as wide as the picture, however wide that is", async (backend) => {
  const shape = [1, 4, 1, 65537]; // squared, that is more than 32 bits hold
  const layer = normLayer(4);
  const [x, y, b] = [randomTensor(shape, 3, 2), randomTensor(shape, 4, 1, 1), randomTensor(shape, 5)];
  const result = await runOp(
    backend,
    [x, y, b].map(tensorOf),
    [layer],
    (graph, [node, scale, shift]) =>
      graph.groupNorm(node, layer.parameter as never, { groups: 2, epsilon: 1e-6, modulation: { scale, shift } }),
  );
  const norm = reference.groupNorm(x, { groups: 2, weight: layer.weight, bias: layer.bias });
  assertClose(result.data, reference.spatialModulation(norm, { y, b }).data, 2e-6, "wide spatial norm");
});

testOnEveryEngine("inputs that are recorded late are there when they are read", async (backend) => {
  const shape = [1, 4, 3, 3];
  const [x, y] = [randomTensor(shape, 1), randomTensor(shape, 2)];
  const weight = randomTensor([4, 4, 1, 1], 3), bias = randomTensor([4], 4);
  const parameter = { kind: "conv", name: "conv", in: 4, out: 4, kernel: 1, stride: 1 } as const;
  await backend.setParameter(parameter, weight.data, bias.data);
  const graph = new Graph();
  const twice = graph.conv2d(graph.conv2d(graph.input(shape), parameter), parameter);
  graph.output(graph.conv2d(twice, parameter, { residual: graph.input(shape) }));
  const program = await backend.compile(graph);
  const [result] = await program.run([x, y].map(tensorOf));
  const conv = (input: Dense): Dense => {
    return { shape, data: new Float32Array(reference.conv2d(input, weight, { bias }).data) };
  };
  const expected = conv(conv(conv(x))).data.map((value, i) => value + y.data[i]);
  assertClose(await result.data(), expected, 2e-6, "late input");
  result.dispose();
});

testOnEveryEngine("attention equals the reference", async (backend) => {
  for (const shape of [[1, 8, 4, 4], [2, 18, 5, 7], [1, 64, 13, 11], [1, 8, 20, 16], [1, 4, 1, 1], [3, 3, 2, 1]]) {
    const [q, k, v] = [1, 2, 3].map((seed) => randomTensor(shape, seed, 2));
    const result = await runOp(backend, [q, k, v].map(tensorOf), [], (graph, [a, b, c]) => graph.attention(a, b, c));
    assertClose(result.data, reference.attention(q, { k, v }).data, 3e-6, `attention [${shape}]`);
  }
});

function codebookLayer(weight: Dense): Layer & { parameter: CodebookParameter } {
  const [codes, channels] = weight.shape;
  return { parameter: { kind: "codebook", name: "codes", codes, channels }, weight };
}

/** The index of the nearest row of `book` to each pixel of `x`. */
async function nearestCodes(
  backend: Backend,
  { x, book, none, metric }: { x: Dense; book: Dense; none?: -1; metric?: CodeMetric },
): Promise<number[]> {
  const layer = codebookLayer(book);
  const search = (graph: Graph, [node]: Node[]) => graph.nearestCode(node, layer.parameter, none, metric);
  return [...(await runOp(backend, [tensorOf(x)], [layer], search)).data];
}

testOnEveryEngine("the nearest code equals the reference", async (backend) => {
  for (const [shape, codes] of [[[1, 3, 8, 8], 96], [[2, 5, 5, 7], 1000], [[1, 64, 3, 3], 333], [[1, 4, 1, 1], 1]]) {
    const [x, book] = [randomTensor(shape as number[], 3), randomTensor([codes as number, (shape as number[])[1]], 4)];
    assertEquals(await nearestCodes(backend, { x, book }), [...reference.nearestCode(x, book).data]);
    const byProduct = await nearestCodes(backend, { x, book, metric: "product" });
    assertEquals(byProduct, [...reference.greatestProduct(x, book).data]);
  }
});

testOnEveryEngine("by inner product the nearest code may be far away", async (backend) => {
  const book: Dense = { data: new Float32Array([0, 0, 3, 4, -1, 0, 0, -2]), shape: [4, 2] };
  const pixels = [[1, 1], [-1, 0], [-1, -1], [0, 0], [1, -0.5], [4, -3], [1e-30, 0], [NaN, 1], [1, Infinity], [
    0,
    1e38,
  ]];
  const x: Dense = {
    data: new Float32Array([0, 1].flatMap((channel) => pixels.map((pixel) => pixel[channel]))),
    shape: [1, 2, 1, pixels.length],
  };
  // The products of [0, 0] are equal, and of [1, -0.5] those of the codes 1 and 3: the first wins. The last overflows.
  const expected = [1, 2, 3, 0, 1, 3, 1, -1, -1, -1];
  assertEquals(await nearestCodes(backend, { x, book, none: -1, metric: "product" }), expected);
});

testOnEveryEngine("products of codes much shorter than the latents are told apart", async (backend) => {
  const [x, book] = [randomTensor([1, 64, 8, 8], 3), randomTensor([333, 64], 4, 1e-6)];
  const indices = await nearestCodes(backend, { x, book, metric: "product" });
  assertEquals(indices, [...reference.greatestProduct(x, book).data]);
});

for (const metric of ["distance", "product"] as const) {
  testOnEveryEngine(
    `by ${metric} the lowest index wins a tie, and NaN gets an index of the codebook`,
    async (backend) => {
      const book: Dense = {
        data: Float32Array.from({ length: 1000 }, (_, i) => i % 100 < 50 ? -1 : 1),
        shape: [1000, 1],
      };
      const huge = metric === "distance" ? 1e30 : Infinity;
      const x: Dense = { data: new Float32Array([-1, 1, 0, NaN, Infinity, -Infinity, huge]), shape: [1, 1, 1, 7] };
      const indices = await nearestCodes(backend, { x, book, metric });
      assertEquals(indices.slice(0, 4), [0, 50, 0, 0]);
      assertEquals(indices.every((index) => index >= 0 && index < 1000), true);
      assertEquals(await nearestCodes(backend, { x, book, metric, none: -1 }), [0, 50, 0, -1, -1, -1, -1]);
    },
  );
}

testOnEveryEngine("lookup reads codebook rows", async (backend) => {
  for (const [codes, rows] of [[7, [0, 6, 3, 3, 1, 5]], [1000, [999, 0, 500, 501, 192, 191]]] as const) {
    const book = randomTensor([codes, 5], 4);
    const layer = codebookLayer(book);
    const indices = { data: new Int32Array(rows), shape: [2, 1, 3] };
    const result = await runOp(
      backend,
      [new Tensor(indices.data, indices.shape)],
      [layer],
      (graph, [node]) => graph.lookup(node, layer.parameter),
    );
    assertEquals(result.shape, [2, 5, 1, 3]);
    assertEquals([...result.data], [...reference.lookup(indices, book).data]);
  }
});

testOnEveryEngine("the straight-through value is the code up to a rounding", async (backend) => {
  const [x, code] = [randomTensor([2, 6, 5, 3], 1), randomTensor([2, 6, 5, 3], 2)];
  const { data } = await runOp(backend, [x, code].map(tensorOf), [], (graph, [a, b]) => graph.straightThrough(a, b));
  assertClose(data, code.data, 1e-7, "straight through");
});

testOnEveryEngine("the squared error is a mean over all elements", async (backend) => {
  for (const shape of [[1, 1, 1, 1], [2, 6, 5, 3], [1, 4, 130, 101]]) {
    const [x, code] = [randomTensor(shape, 1), randomTensor(shape, 2)];
    const { data, shape: scalar } = await runOp(
      backend,
      [x, code].map(tensorOf),
      [],
      (graph, [a, b]) => graph.squaredError(a, b, 1.25),
    );
    assertEquals(scalar, []);
    assertClose(data, [reference.loss(x, code)], 1e-6, `squared error [${shape}]`);
  }
});

/** float16 storage on the WebGPU engine: accuracy of each op, memory, and values out of range. */
import { assertEquals, assertLess, assertRejects } from "@std/assert";
import {
  type Activation,
  type Backend,
  type ConvParameter,
  createBackend,
  DeviceError,
  Graph,
  type Node,
  OverflowError,
} from "../../../kernels/mod.ts";
import { createWebGpuBackend, type WebGpuOptions } from "../../../kernels/webgpu/mod.ts";
import { SOFTWARE, type Tuning } from "../../../kernels/webgpu/shader/tiles.ts";
import { assertClose, type Dense } from "../../support/golden.ts";
import * as reference from "../../support/reference_ops.ts";
import { type Layer, runOp } from "../engines.ts";
import { randomTensor, tensorOf } from "../tensors.ts";
import { openDevice, testOn } from "../../support/engines.ts";

/** Two roundings to float16, of the operands and of the result of an op, each of at most 2⁻¹¹. */
const TOLERANCE = 2 ** -11;
/** Winograd's algorithm rounds more often, and amplifies the errors. */
const WINOGRAD_TOLERANCE = 6 * TOLERANCE;

/** Small tiles compile fast. */
const SMALL: Tuning = {
  ...SOFTWARE,
  tiles: [{ rows: 4, columns: 1, lanesX: 8, lanesY: 1 }],
  thinTile: { rows: 4, columns: 1, lanesX: 8, lanesY: 1 },
};

const VARIANTS: Record<string, WebGpuOptions> = {
  "in one piece": { tuning: SMALL },
  "in windows": { tuning: { ...SMALL, windowBytes: 6 << 10, scratchBytes: 256 << 10 } },
};

/** Registers a test for every way that the engine computes in float16. */
function testInFloat16(name: string, run: (backend: Backend) => Promise<void>): void {
  for (const [variant, options] of Object.entries(VARIANTS)) {
    testOn("webgpu", `${name} (${variant})`, () => withBackend({ ...options, dtype: "float16" }, run));
  }
}

async function withBackend(options: WebGpuOptions, run: (backend: Backend) => Promise<void>): Promise<void> {
  const backend = await createWebGpuBackend(options);
  try {
    await run(backend);
  } finally {
    backend.dispose();
  }
}

/** An identity convolution, whose result is stored in float16. */
function identity(channels: number): Layer & { parameter: ConvParameter } {
  const data = new Float32Array(channels * channels);
  for (let i = 0; i < channels; i++) data[i * channels + i] = 1;
  return {
    parameter: { kind: "conv", name: `identity ${channels}`, in: channels, out: channels, kernel: 1, stride: 1 },
    weight: { data, shape: [channels, channels, 1, 1] },
    bias: { data: new Float32Array(channels), shape: [channels] },
  };
}

/** Runs `build` on inputs and with a result in float16; with `exact`, the last input is float32. */
async function runInFloat16(
  backend: Backend,
  inputs: readonly Dense[],
  { layers = [], channels = inputs[0].shape[1], exact = false }: {
    layers?: readonly Layer[];
    channels?: number;
    exact?: boolean;
  },
  build: (graph: Graph, inputs: Node[]) => Node,
): Promise<Float32Array> {
  const [before, after] = [inputs[0].shape[1], channels].map(identity);
  const { data } = await runOp(backend, inputs.map(tensorOf), [before, after, ...layers], (graph, nodes) => {
    const last = exact ? nodes.pop() : undefined;
    const stored = nodes.map((node) => graph.conv2d(node, before.parameter));
    return graph.conv2d(build(graph, last ? [...stored, last] : stored), after.parameter);
  });
  return data as Float32Array;
}

/** Convolutions to one channel and back, so that inputs and outputs, which are float32, are small. */
const NARROW_AND_WIDE = [[36, 1], [1, 36]].map(([ins, out]): ConvParameter => {
  return { kind: "conv", name: `${ins} to ${out}`, in: ins, out, kernel: 1, stride: 1 };
});

interface ConvCase {
  shape: [n: number, c: number, h: number, w: number];
  out: number;
  kernel?: 1 | 3;
  stride?: 1 | 2;
  upsample?: boolean;
  residual?: "float16" | "float32";
}

/** Few combinations of options, so that few kernels are compiled. */
const CONVOLUTIONS: ConvCase[] = [
  { shape: [2, 30, 19, 7], out: 30, residual: "float16" },
  { shape: [1, 33, 39, 8], out: 33, residual: "float16" },
  { shape: [1, 33, 39, 8], out: 33, residual: "float32" },
  { shape: [1, 36, 20, 4], out: 36, upsample: true },
  { shape: [2, 29, 29, 13], out: 35, stride: 2 },
  { shape: [1, 36, 70, 5], out: 36, kernel: 1, residual: "float32" },
];

testInFloat16("convolutions of float16 values equal the reference", async (backend) => {
  for (const { shape, out, kernel = 3, stride = 1, upsample = false, residual } of CONVOLUTIONS) {
    const parameter: ConvParameter = { kind: "conv", name: "conv", in: shape[1], out, kernel, stride };
    const weight = rounded(randomTensor([out, shape[1], kernel, kernel], 7, Math.sqrt(3 / (shape[1] * kernel ** 2))));
    const bias = randomTensor([out], 8);
    const x = rounded(randomTensor(shape, 3));
    const expected = reference.conv2d(x, weight, { bias, stride, upsample });
    const added = randomTensor(expected.shape, 5);
    const data = await runInFloat16(
      backend,
      residual ? [x, added] : [x],
      { layers: [{ parameter, weight, bias }], channels: out, exact: residual === "float32" },
      (graph, [node, more]) => graph.conv2d(node, parameter, { upsample, residual: more }),
    );
    const values = residual ? expected.data.map((value, i) => value + added.data[i]) : expected.data;
    const tolerance = shape[1] >= 32 && kernel === 3 && stride === 1 ? WINOGRAD_TOLERANCE : TOLERANCE;
    assertClose(data, values, tolerance, `conv ${kernel}x${kernel} [${shape}] -> ${out}, stride ${stride}`);
  }
});

testInFloat16("norms of float16 values equal the reference, also with a large mean", async (backend) => {
  const cases: [shape: number[], groups: number, mean: number, activation?: Activation][] = [
    [[2, 12, 9, 4], 4, 0, "mish"],
    [[1, 32, 40, 20], 8, 0, "silu"],
    [[1, 32, 20, 20], 8, 1000],
  ];
  for (const [shape, groups, mean, activation] of cases) {
    const [weight, bias] = [randomTensor([shape[1]], 11, 0.5, 1), randomTensor([shape[1]], 12, 0.5)];
    const parameter = { kind: "norm", name: "norm", channels: shape[1] } as const;
    const x = rounded(randomTensor(shape, 3, 5, mean));
    const data = await runInFloat16(
      backend,
      [x],
      { layers: [{ parameter, weight, bias }] },
      (graph, [node]) => graph.groupNorm(node, parameter, { groups, epsilon: 1e-6, activation }),
    );
    const expected = reference.groupNorm(x, { groups, weight, bias, activation });
    assertClose(data, expected.data, TOLERANCE, `group norm [${shape}], mean ${mean}`);
  }
});

testInFloat16("spatial norms of float16 values equal the reference", async (backend) => {
  const [weight, bias] = [randomTensor([32], 11, 0.5, 1), randomTensor([32], 12, 0.5)];
  const parameter = { kind: "norm", name: "norm", channels: 32 } as const;
  const [x, y, b] = [
    rounded(randomTensor([2, 32, 8, 12], 3, 2)),
    rounded(randomTensor([2, 32, 4, 3], 4, 1, 1)),
    rounded(randomTensor([2, 32, 4, 3], 5)),
  ];
  const data = await runInFloat16(
    backend,
    [x, y, b],
    { layers: [{ parameter, weight, bias }] },
    (graph, [node, scale, shift]) => {
      const modulation = { scale, shift };
      return graph.groupNorm(node, parameter, { groups: 32, epsilon: 1e-6, activation: "silu", modulation });
    },
  );
  const norm = reference.groupNorm(x, { groups: 32, weight, bias });
  assertClose(data, reference.spatialModulation(norm, { y, b, activation: "silu" }).data, TOLERANCE, "spatial norm");
});

testInFloat16("attention between float16 values equals the reference", async (backend) => {
  const [q, k, v] = [1, 2, 3].map((seed) => rounded(randomTensor([2, 18, 20, 15], seed, 2)));
  const data = await runInFloat16(backend, [q, k, v], {}, (graph, [a, b, c]) => graph.attention(a, b, c));
  assertClose(data, reference.attention(q, { k, v }).data, TOLERANCE, "attention");
});

testInFloat16("the latents and codes that a quantizer compares are float32", async (backend) => {
  const [x, book] = [randomTensor([1, 4, 8, 8], 3), randomTensor([333, 4], 4)];
  const parameter = { kind: "codebook", name: "codes", codes: 333, channels: 4 } as const;
  const same = identity(4);
  const layers = [same, { parameter, weight: book }];
  const indices = await runOp(
    backend,
    [tensorOf(x)],
    layers,
    (graph, [node]) => graph.nearestCode(graph.conv2d(node, same.parameter), parameter),
  );
  assertEquals([...indices.data], [...reference.nearestCode(x, book).data]);
  const codes = await runOp(backend, [tensorOf(x)], layers, (graph, [node]) => {
    const latents = graph.conv2d(node, same.parameter);
    return graph.straightThrough(latents, graph.lookup(graph.nearestCode(latents, parameter), parameter));
  });
  const nearest = reference.lookup(reference.nearestCode(x, book), book);
  assertClose(codes.data, nearest.data, 1e-6, "codes");
});

testOn(
  "webgpu",
  "float16 in bands of rows gives the same as without bands",
  () =>
    withBackend({ dtype: "float16", tuning: SMALL }, async (backend) => {
      const conv = { kind: "conv", name: "conv", in: 36, out: 36, kernel: 3, stride: 1 } as const;
      const norm = { kind: "norm", name: "norm", channels: 36 } as const;
      const [narrow, wide] = NARROW_AND_WIDE;
      for (const parameter of [conv, narrow, wide]) {
        const { in: ins, out, kernel } = parameter;
        const weight = randomTensor([out * ins * kernel ** 2], 1, Math.sqrt(3 / (ins * kernel ** 2)));
        await backend.setParameter(parameter, weight.data, randomTensor([out], 2).data);
      }
      await backend.setParameter(norm, randomTensor([36], 3, 0.5, 1).data, randomTensor([36], 4).data);
      const graph = new Graph();
      const x = graph.conv2d(graph.input([1, 1, 160, 12]), wide);
      const h = graph.groupNorm(x, norm, { groups: 4, epsilon: 1e-6, activation: "silu" });
      graph.output(graph.conv2d(graph.conv2d(h, conv, { residual: x }), narrow));
      const input = tensorOf(randomTensor([1, 1, 160, 12], 5));
      const run = async (memoryLimit?: number) => {
        const program = await backend.compile(graph, { memoryLimit });
        const [result] = await program.run([input]);
        return { bytes: program.bytes, data: await result.data() };
      };
      const whole = await run();
      const limit = backend.memory.weights + Math.ceil(0.8 * whole.bytes);
      const banded = await run(limit);
      assertLess(banded.bytes, whole.bytes * 0.8 + 1);
      assertClose(banded.data, whole.data, WINOGRAD_TOLERANCE, "in bands");
    }),
);

testOn("webgpu", "float16 takes half the memory", async () => {
  const conv = { kind: "conv", name: "conv", in: 36, out: 36, kernel: 3, stride: 1 } as const;
  const [narrow, wide] = NARROW_AND_WIDE;
  const weightBytes = async (backend: Backend, parameter: ConvParameter) => {
    const before = backend.memory.weights;
    const count = parameter.in * parameter.out * parameter.kernel ** 2;
    await backend.setParameter(parameter, new Float32Array(count), new Float32Array(parameter.out));
    return backend.memory.weights - before - parameter.out * 4;
  };
  const programBytes = async (backend: Backend) => {
    const graph = new Graph();
    let node = graph.conv2d(graph.input([1, 1, 256, 80]), wide);
    for (let i = 0; i < 2; i++) node = graph.conv2d(node, conv, { residual: node });
    graph.output(graph.conv2d(node, narrow));
    return (await backend.compile(graph)).bytes;
  };
  const bytes = async (options: WebGpuOptions) => {
    const backend = await createWebGpuBackend({ ...options, tuning: { ...SMALL, scratchBytes: 256 << 10 } });
    const weights = await weightBytes(backend, conv);
    for (const parameter of [narrow, wide]) await weightBytes(backend, parameter);
    const activations = await programBytes(backend);
    backend.dispose();
    return { weights, activations };
  };
  const [full, half] = [await bytes({}), await bytes({ dtype: "float16" })];
  assertEquals([full.weights, half.weights], [36 ** 3 * 4, 36 ** 3 * 2]);
  assertLess(half.activations / full.activations, 0.6);
});

testInFloat16("a value out of range is an error, and the next run succeeds", async (backend) => {
  const layer = identity(5);
  await backend.setParameter(layer.parameter, layer.weight.data, layer.bias!.data);
  const graph = new Graph();
  const wide = graph.conv2d(graph.input([1, 5, 9, 9]), layer.parameter);
  graph.output(graph.conv2d(wide, layer.parameter));
  const program = await backend.compile(graph);
  for (const value of [65504, -65504, 65505, -1e6, 3e38, Infinity, -Infinity, NaN]) {
    const x = randomTensor([1, 5, 9, 9], 1);
    x.data[200] = value;
    const run = () => program.run([tensorOf(x)]);
    if (!(Math.abs(value) <= 65504)) {
      await assertRejects(run, OverflowError, "Cannot compute in float16", `${value}`);
      continue;
    }
    const [result] = await run();
    assertClose(await result.data(), x.data, TOLERANCE, `${value}`);
    result.dispose();
  }
});

testOn(
  "webgpu",
  "weights too large for float16 are kept in float32",
  () =>
    withBackend({ dtype: "float16", tuning: SMALL }, async (backend) => {
      const layer = identity(4);
      const weight = { ...layer.weight, data: layer.weight.data.map((value) => value * 1e6) };
      const x = randomTensor([1, 4, 3, 3], 1);
      const { data } = await runOp(
        backend,
        [tensorOf(x)],
        [{ ...layer, weight }],
        (graph, [node]) => graph.conv2d(node, layer.parameter),
      );
      assertClose(data, x.data.map((value) => value * 1e6), 1e-6, "scaled");
    }),
);

testOn(
  "webgpu",
  "results that were copied with the overflow flag can be read repeatedly without the device",
  () =>
    withBackend({ dtype: "float16", tuning: SMALL }, async (backend) => {
      const layer = identity(4);
      await backend.setParameter(layer.parameter, layer.weight.data, layer.bias!.data);
      const graph = new Graph();
      graph.output(graph.conv2d(graph.conv2d(graph.input([1, 4, 2, 2]), layer.parameter), layer.parameter));
      const program = await backend.compile(graph);
      const x = rounded(randomTensor([1, 4, 2, 2], 1));
      const [first] = await program.run([tensorOf(x)]);
      const values = await first.data();
      assertClose(values, x.data, 1e-6, "values");
      values.fill(0);
      assertClose(await first.data(), x.data, 1e-6, "values read again");
      const [second] = await program.run([first]);
      assertClose(await second.data(), x.data, 1e-6, "values handed on");
    }),
);

testOn("webgpu", "float16 is refused without shader-f16 and on the CPU engine, and so are other dtypes", async () => {
  const device = await openDevice();
  const refused = (
    options: Parameters<typeof createBackend>,
    Kind: typeof DeviceError | typeof TypeError,
    message: string,
  ) => assertRejects(() => createBackend(...options), Kind, message);
  await refused([device, { dtype: "float16" }], DeviceError, 'requiredFeatures: ["shader-f16"]');
  await refused(["wasm", { dtype: "float16" }], DeviceError, 'found device "wasm"');
  await refused(["auto", { dtype: "float16" }], DeviceError, "found no GPU");
  await refused(["webgpu", { dtype: "bfloat16" as "float16" }], TypeError, 'expected dtype "float32" or "float16"');
  device.destroy();
});

/** Rounds values to float16. */
function rounded({ data, shape }: Dense): Dense {
  return { data: Float32Array.from(data, Math.f16round), shape };
}

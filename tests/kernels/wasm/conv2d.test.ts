/** The CPU engine's convolutions: bytes of weights, memory in the plan, and every algorithm on awkward shapes. */
import { assert, assertEquals } from "@std/assert";
import { type Backend, Graph, type Parameter } from "../../../kernels/mod.ts";
import { sizesOf } from "../../../kernels/graph/parameters.ts";
import { createWasmBackend } from "../../../kernels/wasm/mod.ts";
import { testOn } from "../../support/engines.ts";
import { assertClose, type Dense } from "../../support/golden.ts";
import * as reference from "../../support/reference_ops.ts";
import { runOp } from "../engines.ts";
import { randomTensor, tensorOf } from "../tensors.ts";

const conv = (ins: number, out: number, kernel: 1 | 3 = 3, stride: 1 | 2 = 1) => {
  return { kind: "conv", name: `${ins} to ${out}, ${kernel}, ${stride}`, in: ins, out, kernel, stride } as const;
};

testOn("wasm", "weights take at most 1.15 times the bytes of the parameters in float32", async () => {
  const layers: Parameter[] = [
    conv(3, 128),
    conv(128, 128),
    conv(128, 128, 3, 2),
    conv(128, 256),
    conv(128, 256, 1),
    conv(160, 96),
    { kind: "norm", name: "norm", channels: 256 },
    { kind: "linear", name: "to_q", in: 256, out: 256 },
    { kind: "codebook", name: "codes", codes: 8192, channels: 64 },
    conv(128, 3),
  ];
  const backend = await createWasmBackend({ threads: 2 });
  let parameters = 0;
  for (const layer of layers) {
    const [weights, biases] = sizesOf(layer);
    parameters += weights + biases;
    await backend.setParameter(layer, new Float32Array(weights), new Float32Array(biases));
  }
  const { weights } = backend.memory;
  assert(weights >= 4 * parameters && weights <= 1.15 * 4 * parameters, `${weights / 4 / parameters} times`);
  backend.dispose();
});

testOn("wasm", "the plan counts the memory in which each thread transforms weights", async () => {
  const layer = conv(64, 64), shape = [1, 64, 40, 40];
  const [one, three] = await Promise.all([1, 3].map(async (threads) => {
    const backend = await createWasmBackend({ threads, algorithm: "winograd" });
    await backend.setParameter(layer, new Float32Array(64 * 64 * 9), new Float32Array(64));
    const graph = new Graph();
    graph.output(graph.conv2d(graph.input(shape), layer));
    const program = await backend.compile(graph);
    using x = tensorOf(randomTensor(shape));
    const [y] = await program.run([x]);
    const { bytes } = program, { used, weights } = backend.memory;
    // Between runs only the result and the engine's tables are in use.
    assert(used - weights < bytes + 2 ** 21);
    y.dispose();
    backend.dispose();
    return bytes;
  }));
  const panel = 36 * 4 * 32 * 64;
  assert(one > panel && three - one > 2 * panel, `${one} and ${three} bytes`);
});

/** A convolution to test. By default 3×3, stride 1. */
interface Case {
  readonly shape: readonly number[];
  readonly out: number;
  readonly kernel?: 1 | 3;
  readonly stride?: 1 | 2;
  readonly upsample?: boolean;
  readonly residual?: boolean;
}

/**
 * Channel counts are no multiples of 4, 8 or 32; tiles have 4×4 and 6×6 results. The last three have so many tiles that
 * blocks share their transformed weights.
 */
const CASES: readonly Case[] = [
  { shape: [1, 37, 30, 42], out: 21 },
  { shape: [3, 37, 30, 42], out: 75, residual: true },
  { shape: [1, 18, 9, 7], out: 9, residual: true },
  { shape: [2, 70, 17, 13], out: 130 },
  { shape: [2, 33, 15, 21], out: 35, upsample: true },
  { shape: [1, 66, 5, 4], out: 17, upsample: true },
  { shape: [3, 45, 21, 19], out: 27, stride: 2, residual: true },
  { shape: [1, 32, 30, 30], out: 64, stride: 2 },
  { shape: [1, 96, 48, 48], out: 8 },
  { shape: [1, 34, 64, 80], out: 75, residual: true },
  { shape: [1, 18, 32, 41], out: 18, upsample: true },
  { shape: [2, 17, 66, 70], out: 9, stride: 2 },
];

/** One to nine channels, inner dimensions of a multiple of 32 values, of few and of many more, and of more than 256. */
const IMPLICIT_GEMM_CASES: readonly Case[] = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((channels): Case[] => [
    { shape: [2, channels, 11, 7], out: 10 - channels, residual: channels % 2 === 0 },
    { shape: [1, channels, 9, 13], out: 11 + 3 * channels, stride: 2, residual: channels % 2 === 1 },
    { shape: [2, channels, 5, 5], out: channels, kernel: 1, residual: channels % 2 === 1 },
    { shape: [1, channels, 3, 5], out: 17, upsample: true },
  ]),
  { shape: [1, 32, 13, 17], out: 3, kernel: 1 },
  { shape: [2, 256, 9, 9], out: 20, kernel: 1, residual: true },
  { shape: [1, 260, 9, 9], out: 12, kernel: 1 },
  { shape: [1, 277, 1, 1], out: 70, kernel: 1, residual: true },
];

/** To one to four channels; the last has several bands of rows. */
const THIN_CASES: readonly Case[] = [
  { shape: [2, 16, 11, 7], out: 1, residual: true },
  { shape: [1, 37, 9, 13], out: 2, upsample: true },
  { shape: [3, 66, 1, 6], out: 3, residual: true },
  { shape: [1, 32, 6, 1], out: 3, upsample: true, residual: true },
  { shape: [2, 18, 34, 400], out: 4, residual: true },
];

const ALGORITHMS = [
  { algorithm: "winograd", tolerance: 1e-5, cases: CASES },
  { algorithm: "implicitGemm", tolerance: 1e-6, cases: [...CASES, ...IMPLICIT_GEMM_CASES, ...THIN_CASES] },
] as const;

for (const { algorithm, tolerance, cases } of ALGORITHMS) {
  testOn("wasm", `${algorithm}: odd shapes have the same bits on any threads, vectors and batch`, async () => {
    const narrow = await createWasmBackend({ threads: 1, wide: false, algorithm });
    const wide = await createWasmBackend({ threads: 3, wide: true, algorithm });
    for (const test of cases) {
      const { shape: [images, ...image], out, kernel = 3 } = test, name = JSON.stringify(test);
      const { stride = 1, upsample = false, residual = false } = test;
      const weight = randomTensor([out, image[0], kernel, kernel], 7, Math.sqrt(3 / (kernel ** 2 * image[0])));
      const parameter = conv(image[0], out, kernel, stride), bias = randomTensor([out], 8);
      const x = randomTensor(test.shape, 3);
      const { data, shape } = reference.conv2d(x, weight, { bias, stride, upsample });
      const more = randomTensor(shape, 5), inputs = residual ? [x, more] : [x];
      const compute = (backend: Backend, inputs: Dense[]) =>
        runOp(backend, inputs.map(tensorOf), [{ parameter, weight, bias }], (graph, [node, added]) => {
          return graph.conv2d(node, parameter, { upsample, residual: added });
        });
      const whole = (await compute(narrow, inputs)).data;
      assertClose(whole, residual ? data.map((value, i) => value + more.data[i]) : data, tolerance, name);
      assertEquals((await compute(wide, inputs)).data, whole, name);
      const last = (await compute(wide, inputs.map(lastImage))).data;
      assertEquals(last, whole.slice(-whole.length / images), name);
    }
    narrow.dispose();
    wide.dispose();
  });
}

function lastImage({ data, shape: [images, ...image] }: Dense): Dense {
  return { data: data.slice(-data.length / images), shape: [1, ...image] };
}

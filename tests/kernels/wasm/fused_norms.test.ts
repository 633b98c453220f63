/** The CPU engine's convolutions that normalize what they read, instead of reading a normalized feature map. */
import { assert, assertEquals } from "@std/assert";
import { type Activation, type Backend, Graph, type Node } from "../../../kernels/mod.ts";
import { RING_BYTES } from "../../../kernels/wasm/abi.ts";
import { createWasmBackend } from "../../../kernels/wasm/mod.ts";
import { testOn } from "../../support/engines.ts";
import { randomTensor, tensorOf } from "../tensors.ts";

/** A norm and what convolves it. */
interface Case {
  readonly shape: readonly number[];
  readonly out: number;
  readonly activation?: Activation;
  readonly stride?: 1 | 2;
  readonly upsample?: boolean;
  /** Adds what the norm reads to the result, as a resnet does. */
  readonly residual?: boolean;
}

/** Small and large maps, of tiles with 4×4 and 6×6 results; one or several tiles across; batches; several slices. */
const FUSED: readonly Case[] = [
  { shape: [1, 16, 9, 7], out: 24 },
  { shape: [1, 112, 4, 5], out: 16 },
  { shape: [2, 32, 17, 13], out: 32, residual: true },
  { shape: [3, 48, 40, 30], out: 48, residual: true },
  { shape: [1, 80, 3, 150], out: 20 },
  { shape: [1, 96, 90, 5], out: 17 },
  { shape: [1, 64, 66, 83], out: 64, residual: true },
  { shape: [3, 160, 48, 41], out: 18 },
];

/** Channels that do not fill cache lines, other activations, and convolutions that cannot normalize. */
const APART: readonly Case[] = [
  { shape: [1, 20, 18, 18], out: 24 },
  { shape: [1, 32, 18, 18], out: 24, activation: "mish" },
  { shape: [2, 32, 18, 18], out: 24, stride: 2 },
  { shape: [1, 32, 18, 18], out: 24, upsample: true },
  { shape: [1, 32, 18, 18], out: 3 },
];

const conv = ({ shape: [, ins], out, stride = 1 }: Case) => {
  return { kind: "conv", name: "conv", in: ins, out, kernel: 3, stride } as const;
};

async function setLayers(backend: Backend, test: Case): Promise<void> {
  const [, channels] = test.shape;
  const weights = randomTensor([test.out * channels * 9], 3, 0.1).data;
  await backend.setParameter(conv(test), weights, randomTensor([test.out], 4).data);
  const scales = randomTensor([channels], 5, 0.5, 1).data, shifts = randomTensor([channels], 6).data;
  await backend.setParameter({ kind: "norm", name: "norm", channels }, scales, shifts);
}

/** The program of a case. A norm that is also a result has to be materialized. */
async function compile(backend: Backend, test: Case, isResult: boolean) {
  const { shape, activation = "silu", upsample, residual } = test;
  const graph = new Graph(), x = doubled(graph, graph.input(shape));
  const norm = { kind: "norm", name: "norm", channels: shape[1] } as const;
  const normalized = graph.groupNorm(x, norm, { groups: 4, epsilon: 1e-6, activation });
  graph.output(graph.conv2d(normalized, conv(test), { upsample, residual: residual ? x : undefined }));
  if (isResult) graph.output(normalized);
  return await backend.compile(graph);
}

/** A value that is not an input, and may be overwritten after its last use. */
function doubled(graph: Graph, x: Node): Node {
  return graph.straightThrough(x, graph.straightThrough(x, x));
}

async function run(backend: Backend, test: Case, isResult: boolean): Promise<{ data: Float32Array; bytes: number }> {
  const program = await compile(backend, test, isResult);
  using x = tensorOf(randomTensor(test.shape, 2, 2, 0.3));
  const results = await program.run([x]);
  const data = await results[0].data() as Float32Array;
  for (const result of results) result.dispose();
  return { data, bytes: program.bytes };
}

testOn(
  "wasm",
  "a convolution that normalizes has the bits of a norm and a convolution, and a map less in memory",
  async () => {
    for (const [threads, wide] of [[1, false], [3, true]] as const) {
      const backend = await createWasmBackend({ threads, wide, algorithm: "winograd" });
      for (const test of FUSED) {
        const name = JSON.stringify(test);
        await setLayers(backend, test);
        const fused = await run(backend, test, false), apart = await run(backend, test, true);
        assertEquals(fused.data, apart.data, name);
        if (!test.residual) continue; // then the norm may overwrite what it reads
        const [images, channels, height, width] = test.shape;
        const map = 4 * images * channels * height * width, more = threads * RING_BYTES + 16 * images * channels;
        assert(
          fused.bytes <= apart.bytes - map + more,
          `${name}: ${fused.bytes} and ${apart.bytes} bytes, a map ${map}`,
        );
      }
      backend.dispose();
    }
  },
);

testOn("wasm", "norms that a convolution cannot apply are computed by themselves", async () => {
  const backend = await createWasmBackend({ threads: 2, algorithm: "winograd" });
  for (const test of APART) {
    await setLayers(backend, test);
    assertEquals((await run(backend, test, false)).data, (await run(backend, test, true)).data, JSON.stringify(test));
  }
  backend.dispose();
});

testOn("wasm", "a norm that two convolutions read is computed once", async () => {
  const backend = await createWasmBackend({ threads: 2, algorithm: "winograd" });
  const test: Case = { shape: [1, 32, 18, 18], out: 32 };
  await setLayers(backend, test);
  const graph = new Graph();
  const norm = { kind: "norm", name: "norm", channels: 32 } as const;
  const options = { groups: 4, epsilon: 1e-6, activation: "silu" } as const;
  const normalized = graph.groupNorm(doubled(graph, graph.input(test.shape)), norm, options);
  const first = graph.conv2d(normalized, conv(test));
  graph.output(graph.conv2d(normalized, conv(test), { residual: first }));
  const program = await backend.compile(graph);
  using x = tensorOf(randomTensor(test.shape, 2, 2, 0.3));
  const [sum] = await program.run([x]);
  const { data } = await run(backend, test, false);
  assertEquals(await sum.data(), data.map((value) => value + value));
  sum.dispose();
  backend.dispose();
});

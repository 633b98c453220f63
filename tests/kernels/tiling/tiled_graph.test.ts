/** Graphs in bands of rows compute what they compute as a whole, in less memory. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { inBands, streamableSizes } from "../../../kernels/tiling/tiled_graph.ts";
import { planWithin } from "../../../kernels/tiling/fit_memory.ts";
import { atOnce, inTurns } from "../../../kernels/host/steps.ts";
import { splitImage } from "../../../kernels/tiling/chunks.ts";
import {
  type Activation,
  type Backend,
  type ConvParameter,
  DeviceError,
  Graph,
  type Node,
  type NormParameter,
  sizeOf,
} from "../../../kernels/mod.ts";
import { assertClose } from "../../support/golden.ts";
import { testOnEveryEngine } from "../engines.ts";
import { randomTensor, tensorOf } from "../tensors.ts";

/** Records a network whose layers have generated weights, set on first use. */
class Network {
  readonly graph = new Graph();
  readonly #layers: (ConvParameter | NormParameter)[] = [];

  conv(
    x: Node,
    out: number,
    options: { kernel?: 1 | 3; stride?: 1 | 2; upsample?: boolean; residual?: Node } = {},
  ): Node {
    const { kernel = 3, stride = 1, ...rest } = options;
    const layer = { kind: "conv", name: this.#name(), in: x.shape[1], out, kernel, stride } as const;
    this.#layers.push(layer);
    return this.graph.conv2d(x, layer, rest);
  }

  norm(x: Node, groups: number, activation?: Activation, modulation?: { scale: Node; shift: Node }): Node {
    const layer = { kind: "norm", name: this.#name(), channels: x.shape[1] } as const;
    this.#layers.push(layer);
    return this.graph.groupNorm(x, layer, { groups, epsilon: 1e-6, activation, modulation });
  }

  async setWeights(backend: Backend): Promise<void> {
    for (const [i, layer] of this.#layers.entries()) {
      if (layer.kind === "norm") {
        const { channels } = layer;
        await backend.setParameter(
          layer,
          randomTensor([channels], i, 0.5, 1).data,
          randomTensor([channels], i, 0.5).data,
        );
      } else {
        const { in: ins, out, kernel } = layer;
        const weight = randomTensor([out, ins, kernel, kernel], i + 1, Math.sqrt(3 / (ins * kernel * kernel)));
        await backend.setParameter(layer, weight.data, randomTensor([out], i + 2, 0.3).data);
      }
    }
  }

  #name(): string {
    return `layers.${this.#layers.length}`;
  }
}

/** Everything that bands must get right: residuals, strides, upsampling, every activation, modulation, odd sides. */
function network(shape: readonly number[], channels: number): Network {
  const net = new Network();
  const { graph: g } = net;
  const picture = g.input(shape);
  let x = net.conv(picture, channels);
  let h = net.conv(net.norm(x, 4, "silu"), channels);
  x = net.conv(net.norm(h, 2, "mish"), channels, { residual: x });
  h = net.conv(x, channels + 4, { stride: 2 });
  const low = net.conv(h, 6, { kernel: 1 });
  const map = () => net.conv(low, channels + 4, { kernel: 1 });
  h = net.conv(net.norm(h, 4, "gelu", { scale: map(), shift: map() }), channels + 4, { upsample: true });
  h = net.norm(h, 4, "relu", { scale: map(), shift: map() });
  h = net.conv(h, channels, { residual: net.conv(net.norm(h, 1), channels, { kernel: 1 }) });
  g.output(net.conv(h, 3));
  g.output(low);
  return net;
}

const CASES = [
  { shape: [2, 5, 19, 14], channels: 8 },
  { shape: [1, 3, 22, 9], channels: 36 },
];

testOnEveryEngine("bands of any height compute what the whole does", async (backend, { tolerance }) => {
  for (const { shape, channels } of CASES) {
    const net = network(shape, channels);
    await net.setWeights(backend);
    const x = tensorOf(randomTensor(shape, 3, 2, 1));
    const run = async (graph: Graph) => {
      const program = await backend.compile(graph);
      const results = await program.run([x]);
      const values = await Promise.all(results.map((tensor) => tensor.data()));
      for (const tensor of results) tensor.dispose();
      program.dispose();
      return values;
    };
    const expected = await run(net.graph);
    const [largest, second] = streamableSizes(net.graph);
    for (const [mapSize, bands] of [[second, 2], [0, 7]]) {
      const results = await run(atOnce(inBands(net.graph, { mapSize, bandSize: largest / bands }))!);
      results.forEach((values, i) =>
        assertClose(values, expected[i], 2 * tolerance, `[${shape}], ${bands} bands, ${i}`)
      );
    }
  }
}, ["webgpu, winograd", "webgpu, tuned for hardware", "webgpu, implicit GEMM in bands", "wasm, winograd"]);

testOnEveryEngine("a memory limit is kept, and the result stays the same", async (backend, { tolerance }) => {
  const shape = [1, 3, 120, 40];
  const net = network(shape, 16);
  await net.setWeights(backend);
  const { weights } = backend.memory;
  const whole = backend.measure(net.graph);
  const memoryLimit = weights + Math.ceil(0.75 * whole);
  const bytes = backend.measure(net.graph, { memoryLimit });
  assert(bytes <= 0.75 * whole, `${bytes} of ${whole}`);
  assertEquals(backend.measure(net.graph, { memoryLimit: weights + whole }), whole);

  const x = tensorOf(randomTensor(shape, 3));
  const [program, bounded] = [await backend.compile(net.graph), await backend.compile(net.graph, { memoryLimit })];
  assertEquals([program.bytes, bounded.bytes], [whole, bytes]);
  const [[a], [b]] = [await program.run([x]), await bounded.run([x])];
  assertClose(await b.data(), await a.data(), 2 * tolerance, "within a limit");

  const message = "Cannot compute within 1000 bytes";
  const error = assertThrows(() => backend.measure(net.graph, { memoryLimit: 1000 }), DeviceError, message);
  const [, enough] = error.message.match(/Set a limit of (\d+) bytes/)!;
  assertEquals(backend.measure(net.graph, { memoryLimit: Number(enough) }), Number(enough) - weights);
  await assertRejects(() => backend.compile(net.graph, { memoryLimit: 1000 }), DeviceError, message);
}, ["webgpu", "wasm on 3 threads, 256 bits"]);

Deno.test("no feature map beyond the limit is in a graph in bands", () => {
  const { graph } = network([1, 3, 256, 64], 16);
  const sizes = streamableSizes(graph);
  const { nodes, outputs } = atOnce(inBands(graph, { mapSize: sizes.at(-1)!, bandSize: sizes[0] / 16 }))!;
  for (const op of nodes) {
    if (op.kind === "conv2d" || op.kind === "normalize") {
      assert(sizeOf(op.shape) < sizes[0] / 2, `${op.kind} [${op.shape}]`);
    }
  }
  assertEquals(outputs.map(({ shape }) => shape), graph.outputs.map(({ shape }) => shape));
});

Deno.test("no more ops are planned than allowed, and few where it is to be quick or nothing can fit", async () => {
  const { graph } = network([1000, 3, 64, 64], 16);
  assertEquals(atOnce(inBands(graph, { mapSize: 0, bandSize: 1 }, 1000)), undefined);
  const opsOf = async (limit: number, options: { quickOps: number; quick: boolean }) => {
    let ops = 0;
    // deno-lint-ignore require-yield -- it has no steps
    const planned = planWithin(graph, limit, function* ({ nodes }) {
      ops += nodes.length;
      return { bytes: 1e12 };
    }, options);
    assertEquals(await inTurns(planned), { bytes: 1e12 });
    return ops;
  };
  const most = await opsOf(1e11, { quickOps: 20_000, quick: false });
  assert(most > 50_000 && most < 250_000, `${most}`);
  for (const [limit, quick] of [[1e11, true], [1000, false]] as const) {
    const few = await opsOf(limit, { quickOps: 20_000, quick });
    assert(few >= graph.nodes.length && few < 25_000, `${few}`);
  }
});

Deno.test("planning leaves the event loop its turns", async () => {
  const { graph } = network([4, 3, 64, 64], 16);
  let [last, longest, plans] = [performance.now(), 0, 0];
  const ticks = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  });
  await inTurns(planWithin(graph, 1e11, function* () {
    for (let i = 0; i < 50; i++) {
      for (const end = performance.now() + 2; performance.now() < end;);
      yield;
    }
    return { bytes: 1e12 - plans++ };
  }, { quickOps: 1, quick: false }));
  clearInterval(ticks);
  assert(plans > 5 && longest < 500, `${plans}, each of a tenth of a second: at most ${longest} ms apart`);
});

Deno.test("an image is split into chunks that do not reach over the end of a band", () => {
  assertEquals(splitImage(10, 7, 10, 16), { chunkPixels: 16, chunks: 5, bandPixels: 70, bandChunks: 5 });
  assertEquals(splitImage(10, 7, 4, 16), { chunkPixels: 16, chunks: 2 + 2 + 1, bandPixels: 28, bandChunks: 2 });
  assertEquals(splitImage(8, 7, 4, 100), { chunkPixels: 100, chunks: 2, bandPixels: 28, bandChunks: 1 });
});

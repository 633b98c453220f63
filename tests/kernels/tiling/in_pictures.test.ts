/** Batches whose large feature maps are computed picture by picture. */
import { assert, assertEquals } from "@std/assert";
import { type Backend, type ConvParameter, Graph, type NormParameter, sizeOf } from "../../../kernels/mod.ts";
import { sizesOf } from "../../../kernels/graph/parameters.ts";
import { inPictures } from "../../../kernels/tiling/in_pictures.ts";
import { createWasmBackend } from "../../../kernels/wasm/mod.ts";
import { testOn } from "../../support/engines.ts";
import { randomTensor, tensorOf } from "../tensors.ts";

const layer = (name: string, ins: number, out: number, stride: 1 | 2 = 1): ConvParameter => {
  return { kind: "conv", name, in: ins, out, kernel: 3, stride };
};
const FIRST = layer("first", 4, 80), DOWN = layer("down", 80, 24, 2), LAST = layer("last", 24, 20);
const NORM: NormParameter = { kind: "norm", name: "norm", channels: 80 };
const SIDE = 128;

const OPTIONS = { groups: 8, epsilon: 1e-6, activation: "silu" } as const;

/** Two large feature maps, of which the norm's is an output, then two small ones. The norm may be given coefficients. */
function record(images: number, isGiven = false): Graph {
  const graph = new Graph();
  const h = graph.conv2d(graph.input([images, 4, SIDE, SIDE]), FIRST);
  const coefficients = isGiven ? graph.input([images, 3, 80]) : undefined;
  const norm = graph.groupNorm(h, NORM, { ...OPTIONS, coefficients });
  graph.output(graph.conv2d(graph.conv2d(norm, DOWN), LAST));
  graph.output(norm);
  return graph;
}

async function open(): Promise<Backend> {
  const backend = await createWasmBackend({ threads: 2 });
  for (const [i, parameter] of [FIRST, NORM, DOWN, LAST].entries()) {
    const [weights, biases] = sizesOf(parameter);
    await backend.setParameter(parameter, randomTensor([weights], i, 0.1).data, randomTensor([biases], i, 0.1).data);
  }
  return backend;
}

testOn("wasm", "a batch has the bits of its pictures one by one", async () => {
  const backend = await open();
  const images = 3, x = randomTensor([images, 4, SIDE, SIDE]);
  const [batch, one] = await Promise.all([images, 1].map((n) => backend.compile(record(n))));
  const results = await batch.run([tensorOf(x)]);
  const length = x.data.length / images;
  for (let image = 0; image < images; image++) {
    const picture = { data: x.data.slice(image * length, (image + 1) * length), shape: [1, 4, SIDE, SIDE] };
    for (const [i, tensor] of (await one.run([tensorOf(picture)])).entries()) {
      const all = await results[i].data(), alone = await tensor.data();
      assertEquals(all.slice(image * alone.length, (image + 1) * alone.length), alone);
    }
  }
  backend.dispose();
});

testOn("wasm", "each picture of a batch is normalized with its own coefficients", async () => {
  const backend = await open();
  const x = randomTensor([2, 4, SIDE, SIDE]), coefficients = randomTensor([2, 3, 80], 5);
  const [, norm] = await (await backend.compile(record(2, true))).run([x, coefficients].map(tensorOf));
  const all = await norm.data();
  const one = await backend.compile(record(1, true));
  for (const image of [0, 1]) {
    const [picture, own] = [x, coefficients].map(({ data, shape }) => {
      const length = data.length / 2;
      return { data: data.slice(image * length, (image + 1) * length), shape: [1, ...shape.slice(1)] };
    });
    const [, alone] = await one.run([picture, own].map(tensorOf));
    assertEquals(all.slice(image * alone.size, (image + 1) * alone.size), await alone.data());
  }
  backend.dispose();
});

testOn("wasm", "a batch takes the memory of one picture's large feature maps", async () => {
  const backend = await open();
  const memoryOf = (images: number) => {
    const graph = record(images);
    const results = graph.outputs.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
    return backend.measure(graph) - results;
  };
  const large = 4 * 80 * SIDE * SIDE;
  assert(memoryOf(4) - memoryOf(1) < large, `${memoryOf(4)} and ${memoryOf(1)} bytes`);
  backend.dispose();
});

Deno.test("small feature maps are computed for all pictures of a batch at once", () => {
  const graph = record(3), convolutions = inPictures(graph).nodes.filter(({ kind }) => kind === "conv2d");
  assertEquals(convolutions.map(({ shape }) => shape[0]), [1, 1, 1, 1, 1, 1, 3]);
  assertEquals(inPictures(graph).outputs.map(({ shape }) => shape), graph.outputs.map(({ shape }) => shape));
});

Deno.test("inputs of several sizes of batches are computed as recorded", () => {
  const graph = new Graph();
  for (const images of [2, 1]) graph.output(graph.conv2d(graph.input([images, 4, SIDE, SIDE]), FIRST));
  const convolutions = inPictures(graph).nodes.filter(({ kind }) => kind === "conv2d");
  assertEquals(convolutions.map(({ shape }) => shape[0]), [1, 1, 1]);
});

Deno.test("one picture, and batches of small ones, are computed as recorded", () => {
  const one = record(1), small = new Graph();
  small.output(small.conv2d(small.input([2, 4, 16, 16]), FIRST));
  for (const graph of [one, small]) assert(inPictures(graph) === graph);
});

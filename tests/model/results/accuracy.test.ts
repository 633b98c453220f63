/** Random models are as exact as torch's float32, as a whole and in bands of rows. */
import { assert } from "@std/assert";
import { inBands, streamableSizes } from "../../../kernels/tiling/tiled_graph.ts";
import { type Backend, Graph, parametersOf, Tensor } from "../../../kernels/mod.ts";
import { atOnce } from "../../../kernels/host/steps.ts";
import { createWasmBackend } from "../../../kernels/wasm/mod.ts";
import { createWebGpuBackend } from "../../../kernels/webgpu/mod.ts";
import { parseConfig } from "../../../model/architecture/config.ts";
import { type Pass, recordPass } from "../../../model/architecture/passes.ts";
import torch from "../../fixtures/torch_errors.json" with { type: "json" };
import { relativeError } from "../../support/golden.ts";
import { syntheticImage } from "../../support/synthetic.ts";
import { type Checkpoint, checkpointOf } from "../models.ts";
import { randomModel } from "./random_models.ts";
import { runReference } from "./reference_graph.ts";
import { testOn } from "../../support/engines.ts";

/** How far errors may be from torch's: the median of their ratios, and the largest. */
const [MEDIAN, WORST] = [2, 4];

/** A pass with its input and what the reference makes of it. */
interface Example {
  readonly graph: Graph;
  readonly input: Tensor;
  readonly expected: Float64Array<ArrayBuffer>;
  readonly shape: readonly number[];
}

function example(pass: Pass, seed: number, checkpoint: Checkpoint, input: Tensor, data: Float32Array<ArrayBuffer>) {
  const { config } = parseConfig(randomModel(seed).config);
  const graph = new Graph();
  recordPass(graph, pass, config, input);
  const [output] = graph.outputs;
  const expected = runReference(graph, checkpoint, [{ data, shape: input.shape }])(output);
  return { graph, input, expected: Float64Array.from(expected.data), shape: output.shape };
}

/** Encoding a picture, and decoding the latents that the reference makes of it. */
function examplesOf(seed: number, checkpoint: Checkpoint): Example[] {
  const { shape } = randomModel(seed);
  const picture = syntheticImage(shape, seed);
  const encoding = example("encode", seed, checkpoint, new Tensor(picture, shape), picture);
  const latents = Float32Array.from(encoding.expected);
  return [encoding, example("decode", seed, checkpoint, new Tensor(latents, encoding.shape), latents)];
}

/** The error of a graph, which computes what the example says. */
async function errorOf(backend: Backend, graph: Graph, { input, expected }: Example): Promise<number> {
  const program = await backend.compile(graph);
  const results = await program.run([input]);
  const error = relativeError(await results[0].data(), expected);
  for (const tensor of results) tensor.dispose();
  program.dispose();
  return error;
}

/** Holds the errors of some seeds against torch's. */
async function compare(seeds: readonly string[], backend: Backend): Promise<void> {
  const ratios: number[] = [];
  for (const seed of seeds) {
    const checkpoint = checkpointOf(randomModel(Number(seed)).config);
    for (const [i, example] of examplesOf(Number(seed), checkpoint).entries()) {
      for (const parameter of parametersOf(example.graph)) {
        const [weight, bias] = ["weight", "bias"].map((part) => checkpoint.get(`${parameter.name}.${part}`)?.values());
        await backend.setParameter(parameter, weight!, bias ?? new Float32Array());
      }
      const [largest] = streamableSizes(example.graph);
      const banded = largest && atOnce(inBands(example.graph, { mapSize: 0, bandSize: largest / 4 }));
      for (const graph of [example.graph, ...banded ? [banded] : []]) {
        const error = await errorOf(backend, graph, example);
        const ratio = error / torch.errors[seed as keyof typeof torch.errors][i];
        const what = `seed ${seed}, ${i ? "picture" : "latents"}${graph === banded ? " in bands" : ""}`;
        assert(ratio <= WORST, `${what}: ${error} is ${ratio} times as far off as torch`);
        ratios.push(ratio);
      }
    }
  }
  const median = ratios.sort((a, b) => a - b)[ratios.length >> 1];
  assert(median <= MEDIAN, `the median is ${median} times as far off as torch`);
}

const SEEDS = Object.keys(torch.errors);

testOn("wasm", "random models are as exact as in torch, as a whole and in bands (wasm)", async () => {
  const backend = await createWasmBackend({ threads: 2 });
  await compare(SEEDS, backend);
  backend.dispose();
});

testOn("webgpu", "some random models are as exact as in torch, as a whole and in bands (webgpu)", async () => {
  const backend = await createWebGpuBackend();
  await compare(SEEDS.slice(0, 4), backend);
  backend.dispose();
});

// deno-lint-ignore-file no-console -- it prints a report
/**
 * Whole models at 256x256 on the CPU engine beside onnxruntime-node and onnxruntime-web, with the same weights.
 *
 *     deno run -A tests/bench/wasm_models.ts [--threads=2] [--models=vq-f4,amused,movq] [--rounds=5] [--no-web]
 *
 * Engines take turns, so that whatever else the machine does meets all of them. Times are the least of the rounds.
 */
import { type Backend, Graph, macs, type Node, Tensor } from "../../kernels/mod.ts";
import { createWasmBackend } from "../../kernels/wasm/mod.ts";
import { parseConfig } from "../../model/config.ts";
import { decode } from "../../model/decoder.ts";
import { encode } from "../../model/encoder.ts";
import { parametersOf, Weights } from "../../model/weights.ts";
import { loadReal, relativeError } from "../golden.ts";
import { loadRecipe, syntheticTensor } from "../synthetic.ts";
import { measureFmaPeak } from "./fma_peak.ts";
import { exportOnnx } from "./onnx_export.ts";

const option = (name: string, fallback: string) =>
  Deno.args.find((arg) => arg.startsWith(`--${name}=`))?.split("=")[1] ?? fallback;
const threads = Number(option("threads", String(navigator.hardwareConcurrency)));
const rounds = Number(option("rounds", "5"));
const models = option("models", "vq-f4,amused,movq").split(",");

/** One engine with one graph: computes on given data. */
interface Contender {
  readonly name: string;
  run(x: Float32Array<ArrayBuffer>): Promise<Float32Array>;
  close(): void | Promise<void>;
}

/** Weights by the recipe of the goldens, made once per name. */
function makeValues(model: string) {
  const recipe = loadRecipe(model);
  const made = new Map<string, Float32Array<ArrayBuffer>>();
  const value = (name: string) => {
    if (!made.has(name)) made.set(name, syntheticTensor(name, recipe.tensors[name].shape, recipe));
    return made.get(name)!;
  };
  return (name: string) => ({ weight: value(`${name}.weight`), bias: value(`${name}.bias`) });
}

async function ours(graph: Graph, values: ReturnType<typeof makeValues>): Promise<Contender> {
  const backend: Backend = await createWasmBackend({ threads });
  for (const parameter of parametersOf(graph)) {
    const { weight, bias } = values(parameter.name);
    await backend.setParameter(parameter, weight, bias);
  }
  const program = await backend.compile(graph);
  return {
    name: "this engine",
    async run(x) {
      const [y] = await program.run([new Tensor(x, graph.nodes[0].shape)]);
      const data = await y.data();
      y.dispose();
      return data as Float32Array;
    },
    close: () => backend.dispose(),
  };
}

// deno-lint-ignore no-explicit-any -- the packages' types need the DOM's
async function onnx(name: string, module: any, provider: string, model: Uint8Array, graph: Graph): Promise<Contender> {
  const session = await module.InferenceSession.create(model, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const shape = graph.nodes[0].shape;
  return {
    name,
    run: async (x) => (await session.run({ x0: new module.Tensor("float32", x, shape) })).y0.data,
    close: () => session.release(),
  };
}

async function contenders(graph: Graph, values: ReturnType<typeof makeValues>): Promise<Contender[]> {
  const list = [await ours(graph, values)];
  const model = exportOnnx(graph, values);
  const node = await import("npm:onnxruntime-node@1.30.0");
  list.push(await onnx("onnxruntime-node", node.default ?? node, "cpu", model, graph));
  if (!Deno.args.includes("--no-web")) {
    const web = await import("npm:onnxruntime-web@1.30.0");
    web.env.wasm.numThreads = threads;
    list.push(await onnx("onnxruntime-web", web, "wasm", model, graph));
  }
  return list;
}

async function measure(
  title: string,
  graph: Graph,
  values: ReturnType<typeof makeValues>,
  x: Float32Array<ArrayBuffer>,
) {
  const list = await contenders(graph, values);
  const times = list.map(() => [] as number[]);
  const results: Float32Array[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [i, contender] of list.entries()) {
      if (contender.name === "onnxruntime-web" && round > 1) continue;
      await new Promise((resolve) => setTimeout(resolve, 100)); // until the threads of the one before sleep
      const start = performance.now();
      results[i] = await contender.run(x);
      times[i].push(performance.now() - start);
    }
  }
  const flops = 2 * graph.nodes.reduce((sum, op) => sum + macs(op), 0);
  const peak = measureFmaPeak() * threads;
  const least = times.map((list) => Math.min(...list));
  list.forEach(({ name }, i) => {
    const rate = flops / least[i] / 1e6;
    console.log(
      `${title.padEnd(16)} ${name.padEnd(17)} first ${(times[i][0] / 1e3).toFixed(2)} s, ` +
        `least ${(least[i] / 1e3).toFixed(3)} s, ${rate.toFixed(0).padStart(4)} GFLOP/s ` +
        `= ${(rate / peak).toFixed(2)} of the peak` +
        (i ? `; this engine is ${(least[i] / least[0]).toFixed(2)} times as fast` : ""),
    );
  });
  console.log(`${title.padEnd(16)} differ by ${relativeError(results[0], results[1]).toExponential(1)}`);
  for (const contender of list) await contender.close();
}

function record(shape: readonly number[], build: (graph: Graph, x: Node) => Node): Graph {
  const graph = new Graph();
  graph.output(build(graph, graph.input(shape)));
  return graph;
}

for (const model of models) {
  const golden = loadReal(model);
  const { config } = parseConfig(golden.config);
  const values = makeValues(model);
  const root = new Weights();
  const latents = golden.tensor("latents");
  const sample = Float32Array.from({ length: 3 * 256 * 256 }, (_, i) => Math.sin(i / 7) * Math.cos(i / 5000));
  const encoder = record([1, 3, 256, 256], (g, x) => encode(g, root, config, x));
  await measure(`${model} encode`, encoder, values, sample);
  const decoder = record(latents.shape, (g, z) => decode(g, root, config, z, z));
  await measure(`${model} decode`, decoder, values, latents.data);
}
console.log(`peak resident set: ${Math.round(Deno.memoryUsage().rss / 2 ** 20)} MiB`);
Deno.exit(0);

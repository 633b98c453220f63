/** What the benchmarks of whole models share: networks with generated weights, and engines that take turns on them. */
import { type Backend, Graph, macs, type Node, parametersOf, Tensor, type TensorData } from "../../kernels/mod.ts";
import { parseConfig, type VQConfig } from "../../model/architecture/config.ts";
import { decode } from "../../model/architecture/decoder.ts";
import { encode } from "../../model/architecture/encoder.ts";
import { codebookOf } from "../../model/architecture/quantizer.ts";
import { Scope } from "../../model/architecture/scope.ts";
import { loadReal } from "../support/golden.ts";
import { loadRecipe, syntheticTensor } from "../support/synthetic.ts";
import { exportOnnx, type Values } from "./onnx_export.ts";

/** The value of `--NAME=value` on the command line. */
export function option(name: string, fallback: string): string {
  return Deno.args.find((arg) => arg.startsWith(`--${name}=`))?.split("=")[1] ?? fallback;
}

/** A recorded graph with its weights. */
export interface Network {
  readonly graph: Graph;
  readonly values: Values;
}

/** One pass of a model, with an input to run it on. */
export interface Pass extends Network {
  readonly model: string;
  readonly name: "encode" | "tokenize" | "decode";
  readonly x: Float32Array<ArrayBuffer>;
}

/** The passes of a published architecture over a batch of square pictures. */
export function passesOf(model: string, side: number, batch = 1): Pass[] {
  const { config } = parseConfig(loadReal(model).config);
  const values = makeValues(model);
  const root = new Scope();
  const encoder = record([batch, 3, side, side], (g, x) => encode(g, root, config, x));
  const decoder = record(encoder.outputs[0].shape, (g, z) => decode(g, root, config, z));
  return [
    { model, name: "encode", graph: encoder, values, x: wave(encoder) },
    tokenizerOf(model, config, values, side, batch),
    { model, name: "decode", graph: decoder, values, x: wave(decoder) },
  ];
}

/** The pass from pictures to tokens of a model with these weights. */
export function tokenizerOf(model: string, config: VQConfig, values: Values, side: number, batch: number): Pass {
  const root = new Scope();
  const graph = record([batch, config.in_channels, side, side], (g, x) => {
    return g.nearestCode(encode(g, root, config, x), codebookOf(root, config));
  });
  return { model, name: "tokenize", graph, values, x: wave(graph) };
}

/** FLOPs of a pass, those of the direct methods, two for each multiplication. */
export function flopsOf({ graph }: Pass): number {
  return 2 * graph.nodes.reduce((sum, op) => sum + macs(op), 0);
}

/** One engine with one network. */
export interface Contender {
  readonly name: string;
  /** Computes on given data, and reads the first result; the first call also does what loading left undone. */
  run(x: Float32Array<ArrayBuffer>): Promise<TensorData>;
  /** Milliseconds of the ops alone by the engine's own clock, if it has one. */
  opsMs?(x: Float32Array<ArrayBuffer>): Promise<number>;
  close(): void | Promise<void>;
}

/** One of this module's engines, with the weights of a network. */
export async function ours(name: string, backend: Backend, { graph, values }: Network): Promise<Contender> {
  for (const parameter of parametersOf(graph)) {
    const { weight, bias } = values(parameter.name);
    await backend.setParameter(parameter, weight, bias);
  }
  let program: Awaited<ReturnType<Backend["compile"]>> | undefined;
  const input = (x: Float32Array<ArrayBuffer>) => [new Tensor(x, graph.nodes[0].shape)];
  return {
    name,
    async run(x) {
      program ??= await backend.compile(graph);
      const results = await program.run(input(x));
      const data = await results[0].data();
      for (const result of results) result.dispose();
      return data;
    },
    async opsMs(x) {
      const ops = await program!.profile(input(x));
      return ops.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    },
    close: () => backend.dispose(),
  };
}

/** ONNX Runtime on the same network and weights. */
export async function onnx(
  name: string,
  // deno-lint-ignore no-explicit-any -- the packages' types need the DOM's
  module: any,
  { graph, values }: Network,
  options: Record<string, unknown>,
): Promise<Contender> {
  const model = exportOnnx(graph, values);
  const session = await module.InferenceSession.create(model, { logSeverityLevel: 3, ...options });
  const { shape } = graph.nodes[0];
  return {
    name,
    run: async (x) => (await session.run({ x0: new module.Tensor("float32", x, shape) }, ["y0"])).y0.data,
    close: () => session.release(),
  };
}

/** A contender that has computed once. */
export interface Starter extends Contender {
  /** Milliseconds from having loaded to the first result. */
  readonly first: number;
  /** By how many bytes the process has grown since before it loaded. */
  readonly resident: number;
  readonly result: TensorData;
}

/** Loads a contender and has it compute a first time. */
export async function start(open: () => Promise<Contender>, x: Float32Array<ArrayBuffer>): Promise<Starter> {
  const before = Deno.memoryUsage().rss;
  const contender = await open();
  const from = performance.now();
  const result = await contender.run(x);
  const first = performance.now() - from;
  return { ...contender, result, first, resident: Math.max(0, Deno.memoryUsage().rss - before) };
}

/**
 * The milliseconds of each contender, round by round. They take turns, so that whatever else the machine does meets all of
 * them.
 *
 * @param rounds how often each computes
 */
export async function race(
  contenders: readonly Contender[],
  x: Float32Array<ArrayBuffer>,
  rounds: number | ((name: string) => number),
): Promise<number[][]> {
  const turns = contenders.map(({ name }) => typeof rounds === "number" ? rounds : rounds(name));
  const times: number[][] = contenders.map(() => []);
  for (let round = 0; round < Math.max(...turns); round++) {
    for (const [i, { run }] of contenders.entries()) {
      if (round >= turns[i]) continue;
      await new Promise((resolve) => setTimeout(resolve, 100)); // until the threads of the one before sleep
      const from = performance.now();
      await run(x);
      times[i].push(performance.now() - from);
    }
  }
  return times;
}

/** How many times as fast the first contender is as another: the median of the rounds that both ran. */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number {
  const ratios = theirs.map((time, round) => time / ours[round]).sort((a, b) => a - b);
  const middle = ratios.length >> 1;
  return ratios.length % 2 ? ratios[middle] : (ratios[middle - 1] + ratios[middle]) / 2;
}

/** Weights by the recipe of the goldens, made once per name. */
function makeValues(model: string): Values {
  const recipe = loadRecipe(model);
  const made = new Map<string, Float32Array<ArrayBuffer>>();
  const value = (name: string) => {
    if (!made.has(name)) made.set(name, syntheticTensor(name, recipe.tensors[name].shape, recipe));
    return made.get(name)!;
  };
  return (name) => ({
    weight: value(`${name}.weight`),
    bias: recipe.tensors[`${name}.bias`] ? value(`${name}.bias`) : new Float32Array(),
  });
}

function record(shape: readonly number[], build: (graph: Graph, x: Node) => Node): Graph {
  const graph = new Graph();
  graph.output(build(graph, graph.input(shape)));
  return graph;
}

/** Something smooth to run a graph on. */
export function wave(graph: Graph): Float32Array<ArrayBuffer> {
  const length = graph.nodes[0].shape.reduce((product, side) => product * side, 1);
  return Float32Array.from({ length }, (_, i) => Math.sin(i / 7) * Math.cos(i / 5000));
}

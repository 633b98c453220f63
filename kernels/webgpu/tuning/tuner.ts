/**
 * Measuring which algorithm and which tile computes an op the fastest on a device.
 *
 * The whole graph is run in each way, with weights of zeros: then every op is measured among its neighbours, on operands
 * of the types and sizes that it has.
 *
 * @module
 */

import type { Backend, Program, TuneOptions } from "../../backend.ts";
import { type Conv2d, type Graph, type Input, parametersOf } from "../../graph/graph.ts";
import { sizesOf } from "../../graph/parameters.ts";
import { Pixels } from "../../tensor/pixels.ts";
import { sizeOf } from "../../tensor/storage.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { costOf, type OpCost } from "../../graph/cost.ts";
import { type Choices, isTunable, layerKey, opKey, type TunableOp } from "./choices.ts";
import type { Tile } from "../shader/tiles.ts";
import { CONV_ALGORITHMS, type ConvAlgorithm } from "../record/packed_weights.ts";

/** A way to compute a graph: all convolutions that can be by one algorithm, all products that can be in one tile. */
export interface Candidate {
  readonly algorithm: ConvAlgorithm;
  /** By default each product in the tile that its cost suggests. */
  readonly tile?: Tile;
}

/** What of a device the measuring takes. */
export interface Bench {
  /** Ways to compute. */
  readonly candidates: readonly Candidate[];
  /** An engine on the same device that computes in one of these ways. */
  open(candidate: Candidate): Backend;
  /** The algorithm for a layer where one is wanted; by default that which is chosen without measuring. */
  algorithmOf(layer: Conv2d["weights"], wanted?: ConvAlgorithm): ConvAlgorithm;
}

/** Milliseconds in each tile; `undefined` stands for those that are chosen without measuring. */
type TileTimes = Map<Tile | undefined, number>;
/** Those of all ops that are alike, by {@linkcode opKey}. */
type Times = Map<string, TileTimes>;

/** Runs of which the fastest counts, after one that compiles. */
const ROUNDS = 3;
/** A choice has to take less than this share of the time of that which is made without measuring, or it may be chance. */
const WORTHWHILE = 0.9;

/**
 * Measures every way to compute a graph.
 *
 * @throws {DeviceError} if the device has no `timestamp-query`, or cannot run the graph
 */
export async function measureChoices(
  graph: Graph,
  bench: Bench,
  { signal, onProgress }: TuneOptions = {},
): Promise<Choices> {
  const times: Times = new Map();
  const ops = new Map(graph.nodes.filter(isTunable).map((op) => [nameOf(costOf(op, 4)), op]));
  for (const [i, candidate] of bench.candidates.entries()) {
    onProgress?.(i, bench.candidates.length);
    signal?.throwIfAborted();
    for (const [name, milliseconds] of await measure(graph, bench.open(candidate), signal)) {
      const op = ops.get(name);
      if (!op) continue;
      const algorithm = op.kind === "conv2d" ? bench.algorithmOf(op.weights, candidate.algorithm) : undefined;
      addTime(times, opKey(op, algorithm), candidate.tile, milliseconds);
    }
  }
  onProgress?.(bench.candidates.length, bench.candidates.length);
  return { algorithms: chooseAlgorithms([...ops.values()], times, bench), tiles: chooseTiles(times) };
}

/** Milliseconds of every op of a graph on an engine, which is disposed of. */
async function measure(graph: Graph, engine: Backend, signal?: AbortSignal): Promise<Map<string, number>> {
  let program: Program | undefined;
  try {
    for (const parameter of parametersOf(graph)) {
      const [weights, biases] = sizesOf(parameter);
      await engine.setParameter(parameter, new Float32Array(weights), new Float32Array(biases));
    }
    program = await engine.compile(graph);
    const inputs = graph.nodes.filter((node) => node.kind === "input").map(zeros);
    const least = new Map<string, number>();
    for (let round = 0; round <= ROUNDS; round++) {
      const profile = await program.profile(inputs, { signal });
      if (round === 0) continue;
      for (const op of profile) least.set(nameOf(op), Math.min(op.milliseconds, least.get(nameOf(op)) ?? Infinity));
    }
    return least;
  } finally {
    program?.dispose();
    engine.dispose();
  }
}

/** Something for an input to be. */
function zeros({ shape, dtype, pixels }: Input): Tensor {
  if (pixels) {
    const [n, , h, w] = shape;
    return new Tensor(new Pixels(new Uint8ClampedArray(4 * n * h * w), shape, pixels), shape, dtype);
  }
  return new Tensor(dtype === "int32" ? new Int32Array(sizeOf(shape)) : new Float32Array(sizeOf(shape)), shape);
}

function nameOf({ op, name, shape }: OpCost): string {
  return `${op} ${name} [${shape}]`;
}

function addTime(times: Times, key: string, tile: Tile | undefined, milliseconds: number): void {
  let byTile = times.get(key);
  if (!byTile) times.set(key, byTile = new Map());
  byTile.set(tile, milliseconds + (byTile.get(tile) ?? 0));
}

function chooseTiles(times: Times): Map<string, Tile | undefined> {
  const tiles = new Map<string, Tile | undefined>();
  for (const [key, byTile] of times) {
    const [tile, milliseconds] = fastest(byTile);
    const usual = byTile.get(undefined) ?? 0;
    tiles.set(key, milliseconds < WORTHWHILE * usual ? tile : undefined);
  }
  return tiles;
}

/** A layer has one algorithm for pictures of all sizes: the one that takes less for all ops of layers like it. */
function chooseAlgorithms(ops: readonly TunableOp[], times: Times, { algorithmOf }: Bench): Map<string, ConvAlgorithm> {
  const algorithms = new Map<string, ConvAlgorithm>();
  const convolutions = ops.filter((op) => op.kind === "conv2d");
  const either = convolutions.filter(({ weights }) => algorithmOf(weights, "winograd") === "winograd");
  for (const [layer, alike] of Map.groupBy(either, ({ weights }) => layerKey(weights))) {
    const total = (algorithm: ConvAlgorithm) => {
      const keys = new Set(alike.map((op) => opKey(op, algorithm)));
      return [...keys].reduce((sum, key) => sum + fastest(times.get(key))[1], 0);
    };
    const usual = algorithmOf(alike[0].weights);
    const other = CONV_ALGORITHMS.find((algorithm) => algorithm !== usual)!;
    algorithms.set(layer, total(other) < WORTHWHILE * total(usual) ? other : usual);
  }
  return algorithms;
}

/** The tile that took least, and how long. Ops are not measured where the graph had to be computed in bands. */
function fastest(byTile: TileTimes = new Map()): [Tile | undefined, number] {
  return [...byTile].reduce((best, next) => next[1] < best[1] ? next : best, [undefined, Infinity]);
}

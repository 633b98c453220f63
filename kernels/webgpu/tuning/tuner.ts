/**
 * Measures which algorithm and which tile is the fastest for each op on a device.
 *
 * The whole graph is run with each candidate and weights of zeros, so that every op is measured between its neighbors, with
 * its own operand types and sizes.
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

/** An algorithm for all convolutions and a tile for all matrix products that support it. */
export interface Candidate {
  readonly algorithm: ConvAlgorithm;
  /** By default the tile with the lowest estimated cost for each product. */
  readonly tile?: Tile;
}

/** What to measure on a device. */
export interface Bench {
  /** Candidates to run the graph with. */
  readonly candidates: readonly Candidate[];
  /** Opens an engine on the device with a candidate. */
  open(candidate: Candidate): Backend;
  /** The algorithm for a layer: `wanted` if that supports it; by default the one chosen without measuring. */
  algorithmOf(layer: Conv2d["weights"], wanted?: ConvAlgorithm): ConvAlgorithm;
}

/** Milliseconds with each tile; `undefined` stands for the tiles chosen without measuring. */
type TileTimes = Map<Tile | undefined, number>;
/** Milliseconds by {@linkcode opKey}. */
type Times = Map<string, TileTimes>;

/** Runs of which the fastest counts, after a warm-up. */
const ROUNDS = 3;
/** A choice must take less than this share of the time of the default one, to exceed the noise. */
const WORTHWHILE = 0.9;

/**
 * Runs a graph with each candidate and chooses the fastest for each kind of op.
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

/** Milliseconds of every op of a graph on an engine, which is disposed afterwards. */
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

/** Zeros for an input. */
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
    const standard = byTile.get(undefined) ?? 0;
    tiles.set(key, milliseconds < WORTHWHILE * standard ? tile : undefined);
  }
  return tiles;
}

/** Chooses the algorithm of each kind of layer, the same for feature maps of all sizes: the one with the lower total time. */
function chooseAlgorithms(ops: readonly TunableOp[], times: Times, { algorithmOf }: Bench): Map<string, ConvAlgorithm> {
  const algorithms = new Map<string, ConvAlgorithm>();
  const convolutions = ops.filter((op) => op.kind === "conv2d");
  const either = convolutions.filter(({ weights }) => algorithmOf(weights, "winograd") === "winograd");
  for (const [layer, alike] of Map.groupBy(either, ({ weights }) => layerKey(weights))) {
    const total = (algorithm: ConvAlgorithm) => {
      const keys = new Set(alike.map((op) => opKey(op, algorithm)));
      return [...keys].reduce((sum, key) => sum + fastest(times.get(key))[1], 0);
    };
    const standard = algorithmOf(alike[0].weights);
    const other = CONV_ALGORITHMS.find((algorithm) => algorithm !== standard)!;
    algorithms.set(layer, total(other) < WORTHWHILE * total(standard) ? other : standard);
  }
  return algorithms;
}

/** The fastest tile and its time. Ops are not measured if the graph was computed in bands. */
function fastest(byTile: TileTimes = new Map()): [Tile | undefined, number] {
  return [...byTile].reduce((best, next) => next[1] < best[1] ? next : best, [undefined, Infinity]);
}

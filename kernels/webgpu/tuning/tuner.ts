/**
 * Measures which choice is the fastest for each op on a device.
 *
 * The whole graph is run with each candidate and weights of zeros, so that every op is measured between its neighbors, with
 * its own operand types and sizes.
 *
 * @module
 */

import type { Backend, Program, TuneOptions } from "../../backend.ts";
import { type Graph, type Input, parametersOf } from "../../graph/graph.ts";
import { sizesOf } from "../../graph/parameters.ts";
import { Pixels } from "../../tensor/pixels.ts";
import { sizeOf } from "../../tensor/storage.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { costOf, type OpCost } from "../../graph/cost.ts";
import { type Choices, isTunable, opKey } from "./choices.ts";
import type { Choice } from "../record/choice.ts";

/** What to measure on a device. */
export interface Bench {
  /** Choices to run the whole graph with; the first is what is chosen without measuring. */
  readonly candidates: readonly Choice[];
  /** Opens an engine on the device that computes all ops as a candidate says. */
  open(candidate: Choice): Backend;
}

/** Milliseconds with each candidate, by {@linkcode opKey}. */
type Times = Map<string, Map<Choice, number>>;

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
      if (op) addTime(times, opKey(op), candidate, milliseconds);
    }
  }
  onProgress?.(bench.candidates.length, bench.candidates.length);
  return new Map([...times].map(([key, byCandidate]) => [key, choose(byCandidate, bench.candidates[0])]));
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

function addTime(times: Times, key: string, candidate: Choice, milliseconds: number): void {
  let byCandidate = times.get(key);
  if (!byCandidate) times.set(key, byCandidate = new Map());
  byCandidate.set(candidate, milliseconds + (byCandidate.get(candidate) ?? 0));
}

/** The fastest candidate, if it is clearly faster than the standard one. */
function choose(byCandidate: ReadonlyMap<Choice, number>, standard: Choice): Choice {
  const [fastest, milliseconds] = [...byCandidate].reduce((best, next) => next[1] < best[1] ? next : best);
  return milliseconds < WORTHWHILE * (byCandidate.get(standard) ?? Infinity) ? fastest : standard;
}

/**
 * Fits a graph into memory: whole, or in as few bands as possible.
 *
 * @module
 */

import { inBands, streamableSizes } from "./tiled_graph.ts";
import { DeviceError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { sizeOf } from "../tensor/storage.ts";
import type { Steps } from "../host/steps.ts";

/** Ops of all candidates together: these take seconds to plan. Hundreds of pictures in bands would take minutes. */
const MAX_OPS = 200_000;

/** Numbers of bands to try for the largest feature map of each picture. Each is four times the previous one. */
const COUNTS = [1, 4, 16, 64, 256];

/**
 * The first plan of at most `limit` bytes: of the whole graph, then with more and more of its feature maps in bands.
 * The smallest plan if none fits.
 *
 * @param plan plans a graph, or throws a {@linkcode DeviceError} if the device cannot run it
 * @param options `quick` stops after `quickOps` ops; so does a limit that the results alone exceed, as the smallest
 * plan is then only for the error message
 * @throws {DeviceError} the error of the whole graph's plan, if every plan throws
 */
export function* planWithin<P extends { readonly bytes: number }>(
  graph: Graph,
  limit: number,
  plan: (graph: Graph) => Steps<P>,
  { quickOps, quick }: { quickOps: number; quick: boolean },
): Steps<P> {
  let [smallest, refusal]: [P | undefined, unknown] = [undefined, undefined];
  let ops = 0;
  const results = graph.outputs.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
  const maxOps = quick || results > limit ? quickOps : MAX_OPS; // bands do not make the results smaller
  function* attempt(candidate: Graph): Steps<P | undefined> {
    ops += candidate.nodes.length;
    try {
      const planned = yield* plan(candidate);
      if (!smallest || planned.bytes < smallest.bytes) smallest = planned;
      return planned;
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      refusal ??= error;
    }
  }
  const whole = yield* attempt(graph);
  if (whole && whole.bytes <= limit) return whole;
  const sizes = streamableSizes(graph);
  const [images] = graph.nodes[0].shape;
  const counts = images === 1 ? COUNTS.slice(1) : COUNTS;
  sizes: for (const mapSize of sizes.length ? [...sizes.slice(1), 0] : []) {
    let previous: number | undefined;
    for (const count of counts) {
      const limits = { mapSize, bandSize: sizes[0] / (images * count) };
      const candidate = yield* inBands(graph, limits, maxOps - ops);
      if (!candidate && count === counts[0]) break sizes; // smaller maps in bands take even more ops,
      if (!candidate) break; // and so do finer bands
      const planned = yield* attempt(candidate);
      if (!planned) continue;
      if (planned.bytes <= limit) return planned;
      // What infinitely fine bands would leave: bytes = rest + share / count, solved for rest.
      if (previous !== undefined && (4 * planned.bytes - previous) / 3 > limit) break;
      previous = planned.bytes;
    }
  }
  if (!smallest) throw refusal;
  return smallest;
}

/**
 * Refuses a plan that takes more than the memory limit.
 *
 * @throws {DeviceError}
 */
export function checkLimit(activations: number, weights: number, limit: number | undefined): void {
  const needed = weights + activations;
  if (limit === undefined || needed <= limit) return;
  throw new DeviceError(
    `Cannot compute within ${limit} bytes: weights take ${weights}, and everything else ${activations} in the ` +
      `smallest bands of rows that were tried. Set a limit of ${needed} bytes, or use a smaller picture or batch`,
  );
}

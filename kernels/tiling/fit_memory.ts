/**
 * Fitting a graph into memory: as it is, or in as few bands as it takes.
 *
 * @module
 */

import { inBands, streamableSizes } from "./tiled_graph.ts";
import { DeviceError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { sizeOf } from "../tensor/storage.ts";
import type { Steps } from "../host/steps.ts";

/** Ops of all that is tried: so many take seconds to plan. Hundreds of pictures in bands would take minutes. */
const MAX_OPS = 200_000;

/** Into how many bands the largest feature map of each picture is cut: each time into four times as many. */
const COUNTS = [1, 4, 16, 64, 256];

/**
 * The first plan that takes at most `limit` bytes: of the graph as it is, then with ever more of its feature maps in bands.
 * Where none does, the smallest.
 *
 * @param plan plans a graph, or throws a {@linkcode DeviceError} where the device cannot run it as it is
 * @param options `quickOps` is how many ops may be tried if it is to be `quick`; also where it is known that nothing fits,
 * to find out what would be enough
 * @throws {DeviceError} what `plan` says against the graph as it is, if it says something against every one
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
  const maxOps = quick || results > limit ? quickOps : MAX_OPS; // no bands make the results smaller
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
  holding: for (const mapSize of sizes.length ? [...sizes.slice(1), 0] : []) {
    let previous: number | undefined;
    for (const count of counts) {
      const limits = { mapSize, bandSize: sizes[0] / (images * count) };
      const candidate = yield* inBands(graph, limits, maxOps - ops);
      if (!candidate && count === counts[0]) break holding; // to hold less takes even more ops,
      if (!candidate) break; // and so do finer bands
      const planned = yield* attempt(candidate);
      if (!planned) continue;
      if (planned.bytes <= limit) return planned;
      // Bands of no height would leave what is held: with bytes = held + share / count, solved for held.
      if (previous !== undefined && (4 * planned.bytes - previous) / 3 > limit) break;
      previous = planned.bytes;
    }
  }
  if (!smallest) throw refusal;
  return smallest;
}

/**
 * Refuses a plan that takes more than a limit that was asked for.
 *
 * @throws {DeviceError}
 */
export function checkLimit(activations: number, weights: number, limit: number | undefined): void {
  if (limit === undefined || weights + activations <= limit) return;
  throw new DeviceError(
    `Cannot compute within ${limit} bytes: weights take ${weights}, and everything else ${activations} in the ` +
      `smallest bands of rows that were tried. Set a limit of ${
        weights + activations
      } bytes, or use a smaller picture or batch`,
  );
}

/**
 * Fitting a graph into memory: as it is, or in as few bands as it takes.
 *
 * @module
 */

import { inBands, streamableSizes } from "./bands.ts";
import { DeviceError } from "./errors.ts";
import type { Graph } from "./graph.ts";

/** Into how many bands the largest feature map is cut: each time into four times as many. */
const COUNTS = [4, 16, 64, 256];

/**
 * The first plan that takes at most `limit` bytes: of the graph as it is, then with ever more of its feature maps in bands.
 * Where none does, the smallest.
 *
 * @param plan plans a graph, or throws a {@linkcode DeviceError} where the device cannot run it as it is
 * @throws {DeviceError} what `plan` says against the graph as it is, if it says something against every one
 */
export function planWithin<P extends { readonly bytes: number }>(
  graph: Graph,
  limit: number,
  plan: (graph: Graph) => P,
): P {
  let [smallest, refusal]: [P | undefined, unknown] = [undefined, undefined];
  const attempt = (candidate: Graph): P | undefined => {
    try {
      const planned = plan(candidate);
      if (!smallest || planned.bytes < smallest.bytes) smallest = planned;
      return planned;
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      refusal ??= error;
    }
  };
  const whole = attempt(graph);
  if (whole && whole.bytes <= limit) return whole;
  const sizes = streamableSizes(graph);
  for (const mapSize of [...sizes.slice(1), 0]) {
    let previous: number | undefined;
    for (const count of COUNTS) {
      const planned = attempt(inBands(graph, { mapSize, bandSize: sizes[0] / count }));
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
    `Cannot compute within ${limit} bytes: weights take ${weights}, and everything else ${activations} even in bands of ` +
      "rows. Raise the limit, or use a smaller picture or batch",
  );
}

/** A network with every op, and what it takes. */
import { type Backend, Graph, type Tensor } from "../../kernels/mod.ts";
import { randomTensor, tensorOf } from "./tensors.ts";

export const CONV_IN = { kind: "conv", name: "conv_in", in: 3, out: 36, kernel: 3, stride: 1 } as const;
export const CONV = { kind: "conv", name: "conv", in: 36, out: 36, kernel: 3, stride: 1 } as const;
const DOWN = { kind: "conv", name: "down", in: 36, out: 36, kernel: 3, stride: 2 } as const;
const LINEAR = { kind: "linear", name: "linear", in: 36, out: 36 } as const;
const NORM = { kind: "norm", name: "norm", channels: 36 } as const;
export const CODES = { kind: "codebook", name: "codes", codes: 50, channels: 36 } as const;
/** Shape of its input. */
export const SHAPE = [2, 3, 26, 38];

/** Weights for {@linkcode network}. */
export async function setParameters(backend: Backend): Promise<void> {
  for (const layer of [CONV_IN, CONV, DOWN]) {
    const scale = Math.sqrt(3 / (9 * layer.in));
    const weight = randomTensor([layer.out, layer.in, 3, 3], 1, scale).data as Float32Array;
    await backend.setParameter(layer, weight, randomTensor([36], 2).data as Float32Array);
  }
  const square = randomTensor([36, 36], 3, 0.3).data as Float32Array;
  await backend.setParameter(LINEAR, square, square.subarray(36, 72));
  await backend.setParameter(NORM, square.subarray(0, 36), square.subarray(36, 72));
  await backend.setParameter(CODES, randomTensor([50, 36], 4).data as Float32Array, new Float32Array());
}

/** A network with every op: results are a picture, indices, a scalar, and margins. */
export function network(): Graph {
  const graph = new Graph();
  const x = graph.conv2d(graph.input(SHAPE), CONV_IN);
  const h = graph.groupNorm(x, NORM, { groups: 4, epsilon: 1e-6, activation: "silu" });
  const down = graph.conv2d(graph.conv2d(h, CONV, { residual: x }), DOWN);
  const linear = graph.conv2d(down, LINEAR);
  const attended = graph.conv2d(graph.attention(linear, down, linear), LINEAR, { residual: down });
  const indices = graph.nearestCode(attended, CODES);
  const code = graph.lookup(indices, CODES);
  const through = graph.straightThrough(attended, code);
  const up = graph.conv2d(through, CONV, { upsample: true });
  const modulation = { scale: linear, shift: through };
  graph.output(graph.groupNorm(up, NORM, { groups: 4, epsilon: 1e-6, activation: "mish", modulation }));
  graph.output(indices);
  graph.output(graph.squaredError(attended, code, 1.25));
  const both = graph.nearestCode(attended, CODES, 0, "distance", true);
  graph.output(graph.codeMargin(attended, both, graph.lookup(both, CODES)));
  return graph;
}

/** Something for it to compute from. */
export const picture = (): Tensor => tensorOf(randomTensor(SHAPE, 9));

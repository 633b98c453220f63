/** The two nearest codes of each pixel, and the margin between them. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { type Backend, type CodeMetric, Graph } from "../../kernels/mod.ts";
import { type Dense, relativeError } from "../support/golden.ts";
import { testOnEveryEngine } from "./engines.ts";
import { randomTensor, tensorOf } from "./tensors.ts";

interface Case {
  readonly x: Dense;
  readonly book: Dense;
  readonly metric?: CodeMetric;
}

/** What the engines return, of one picture after the other. */
interface Found {
  readonly nearest: number[];
  readonly second: number[];
  readonly margins: number[];
  /** Squared lengths. */
  readonly squares: number[];
}

async function find(backend: Backend, { x, book, metric }: Case): Promise<Found & { alone: number[] }> {
  const [codes, channels] = book.shape;
  const codebook = { kind: "codebook", name: "codes", codes, channels } as const;
  await backend.setParameter(codebook, book.data, new Float32Array());
  const graph = new Graph();
  const node = graph.input(x.shape);
  const indices = graph.nearestCode(node, codebook, -1, metric, true);
  graph.output(indices);
  graph.output(graph.codeMargin(node, indices, graph.lookup(indices, codebook), metric));
  graph.output(graph.nearestCode(node, codebook, -1, metric));
  const program = await backend.compile(graph);
  const results = await program.run([tensorOf(x)]);
  const [both, margins, alone] = await Promise.all(results.map(async (tensor) => [...await tensor.data()]));
  const count = alone.length;
  return {
    nearest: both.slice(0, count),
    second: both.slice(count),
    margins: margins.slice(0, count),
    squares: margins.slice(count),
    alone,
  };
}

/** All codes of each pixel in order, in float64. */
function reference({ x, book, metric = "distance" }: Case): Found {
  const [n, channels, h, w] = x.shape;
  const rows = Array.from({ length: book.shape[0] }, (_, i) => [...book.data.slice(i * channels, (i + 1) * channels)]);
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const pixels = Array.from({ length: n * h * w }, (_, pixel) => {
    const first = Math.floor(pixel / (h * w)) * channels * h * w + pixel % (h * w);
    return Array.from({ length: channels }, (_, c) => x.data[first + c * h * w]);
  });
  const found = pixels.map((z) => {
    const distances = rows.map((row) => {
      return metric === "product" ? -dot(row, z) : row.reduce((sum, value, c) => sum + (value - z[c]) ** 2, 0);
    });
    const [a, b] = rows.map((_, i) => i).sort((i, j) => distances[i] - distances[j] || i - j);
    const apart = Math.hypot(...rows[a].map((value, c) => value - rows[b][c]));
    return { a, b, margin: (distances[b] - distances[a]) / (metric === "product" ? 1 : 2) / apart, square: dot(z, z) };
  });
  return {
    nearest: found.map(({ a }) => a),
    second: found.map(({ b }) => b),
    margins: found.map(({ margin }) => margin),
    squares: found.map(({ square }) => square),
  };
}

for (const metric of ["distance", "product"] as const) {
  testOnEveryEngine(`the second nearest code and the margin equal the reference, by ${metric}`, async (backend) => {
    for (const [shape, codes] of [[[1, 3, 8, 8], 97], [[2, 5, 5, 7], 1000], [[1, 64, 3, 3], 333], [[3, 4, 1, 2], 2]]) {
      const x = randomTensor(shape as number[], 3);
      const book = randomTensor([codes as number, x.shape[1]], 4);
      const [actual, expected] = [await find(backend, { x, book, metric }), reference({ x, book, metric })];
      assertEquals([actual.nearest, actual.second], [expected.nearest, expected.second]);
      assertEquals(actual.nearest, actual.alone);
      assertEquals(relativeError(actual.margins, expected.margins) < 1e-6, true);
      assertEquals(relativeError(actual.squares, expected.squares) < 1e-6, true);
    }
  });
}

testOnEveryEngine("on a tie the margin is 0, and the lower index comes first", async (backend) => {
  const codes = Array.from({ length: 1000 }, (_, i) => i % 100 < 50 ? -1 : 1);
  const book: Dense = { data: Float32Array.from([...codes, 3, -9]), shape: [1002, 1] };
  const pixels = [-1, 0.75, 0, 2, 3, -5, -8, NaN, Infinity];
  const x: Dense = { data: Float32Array.from(pixels), shape: [1, 1, 1, pixels.length] };
  const { nearest, second, margins, squares, alone } = await find(backend, { x, book });
  assertEquals(nearest, [0, 50, 0, 50, 1000, 0, 1001, -1, -1]);
  assertEquals(second, [1, 51, 1, 51, 50, 1, 0, -1, -1]);
  assertEquals(margins.slice(0, 7), [0, 0, 0, 0, 1, 0, 3]);
  assertEquals(squares.slice(0, 3), [1, 0.5625, 0]);
  assertEquals(nearest, alone);
});

testOnEveryEngine("different codes that are equally near have the margin 0", async (backend) => {
  const book: Dense = { data: Float32Array.from([5, 5, 1, 0, 0, 1, -1, 0]), shape: [4, 2] };
  const x: Dense = { data: Float32Array.from([0.5, 0, 0.5, 0.5]), shape: [1, 2, 1, 2] };
  const { nearest, second, margins } = await find(backend, { x, book });
  assertEquals([nearest, second], [[1, 2], [2, 1]]);
  assertEquals(margins[0], 0);
  assertAlmostEquals(margins[1], 0.5 / Math.SQRT2, 1e-6);
});

testOnEveryEngine("a single code has no second, and an infinite margin", async (backend) => {
  const found = await find(backend, { x: randomTensor([2, 3, 4, 4], 1), book: randomTensor([1, 3], 2) });
  assertEquals(found.nearest, Array(32).fill(0));
  assertEquals(found.second, Array(32).fill(-1));
  assertEquals(found.margins, Array(32).fill(Infinity));
});

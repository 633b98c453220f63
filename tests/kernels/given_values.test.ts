/** Ops over part of a map that are given what they need of the whole: keys and values, coefficients of norms. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Backend, Graph, type Node, type NormParameter, type Tensor } from "../../kernels/mod.ts";
import { atOnce } from "../../kernels/host/steps.ts";
import { inBands } from "../../kernels/tiling/tiled_graph.ts";
import { assertClose, type Dense } from "../support/golden.ts";
import * as reference from "../support/reference_ops.ts";
import { runOp, testOnEveryEngine } from "./engines.ts";
import { randomTensor, tensorOf } from "./tensors.ts";

/** Rows `[first, end)` of every channel. */
function rowsOf({ data, shape: [n, c, h, w] }: Dense, first: number, end: number): Dense {
  const planes = Array.from({ length: n * c }, (_, plane) => {
    return [...data.slice((plane * h + first) * w, (plane * h + end) * w)];
  });
  return { data: Float32Array.from(planes.flat()), shape: [n, c, end - first, w] };
}

testOnEveryEngine("queries attend to the pixels of a map of another size", async (backend) => {
  for (const [shape, first, end] of [[[1, 8, 5, 4], 1, 2], [[2, 18, 9, 7], 3, 8], [[1, 64, 26, 11], 0, 5]] as const) {
    const [q, k, v] = [1, 2, 3].map((seed) => randomTensor(shape, seed, 2));
    const all = reference.attention(q, { k, v });
    const expected = rowsOf({ data: Float32Array.from(all.data), shape }, first, end);
    const part = [rowsOf(q, first, end), k, v].map(tensorOf);
    const { data } = await runOp(backend, part, [], (g, [a, b, c]) => g.attention(a, b, c));
    assertClose(data, expected.data, 3e-6, `attention of rows ${first} to ${end} to [${shape}]`);
    const few = { k: rowsOf(k, first, end), v: rowsOf(v, first, end) };
    const many = { k: doubled(few.k), v: doubled(few.v) }; // weights are the same with every key twice
    const results = await Promise.all([few, many].map(({ k, v }) => {
      return runOp(backend, [q, k, v].map(tensorOf), [], (g, [a, b, c]) => g.attention(a, b, c));
    }));
    assertClose(results[0].data, results[1].data, 3e-6, `attention of [${shape}] to fewer pixels`);
  }
});

/** Every row twice. */
function doubled(map: Dense): Dense {
  const [n, c, h, w] = map.shape;
  const data = Array.from({ length: n * c }, (_, plane) => {
    const one = [...map.data.slice(plane * h * w, (plane + 1) * h * w)];
    return [...one, ...one];
  });
  return { data: Float32Array.from(data.flat()), shape: [n, c, 2 * h, w] };
}

const SHAPE = [2, 18, 24, 10];
const NORM: NormParameter = { kind: "norm", name: "norm", channels: 18 };
const CONV = { kind: "conv", name: "conv", in: 18, out: 18, kernel: 3, stride: 1 } as const;
const OPTIONS = { groups: 3, epsilon: 1e-6, activation: "silu" } as const;

async function setWeights(backend: Backend): Promise<void> {
  const values = (shape: number[], seed: number) => randomTensor(shape, seed, 0.3).data;
  await backend.setParameter(NORM, values([18], 1), values([18], 2));
  await backend.setParameter(CONV, values([18, 18, 3, 3], 3), values([18], 4));
}

/** A norm between convolutions, and its coefficients. */
function withCoefficients(): Graph {
  const g = new Graph();
  const x = g.conv2d(g.input(SHAPE), CONV);
  const sums = g.normSums(undefined, x, OPTIONS.groups, { of: SHAPE, height: SHAPE[2], image: 0, first: 0 });
  const coefficients = g.normCoefficients(sums, NORM, OPTIONS.epsilon);
  g.output(g.conv2d(g.groupNorm(x, NORM, { ...OPTIONS, coefficients }), CONV));
  g.output(coefficients);
  return g;
}

async function run(backend: Backend, graph: Graph, inputs: Tensor[]): Promise<Dense[]> {
  const results = await (await backend.compile(graph)).run(inputs);
  return await Promise.all(results.map(async (tensor) => {
    return { data: await tensor.data() as Float32Array<ArrayBuffer>, shape: tensor.shape };
  }));
}

testOnEveryEngine("a norm with the coefficients of its operand is the plain norm, bit for bit", async (backend) => {
  await setWeights(backend);
  const x = tensorOf(randomTensor(SHAPE, 5, 2, 0.5));
  const plain = new Graph();
  plain.output(plain.conv2d(plain.groupNorm(plain.conv2d(plain.input(SHAPE), CONV), NORM, OPTIONS), CONV));
  const [y, coefficients] = await run(backend, withCoefficients(), [x]);
  assertEquals(coefficients.shape, [2, 3, 20]);
  assertEquals(y, (await run(backend, plain, [x]))[0]);
});

testOnEveryEngine("coefficients of bands are those of the whole", async (backend) => {
  await setWeights(backend);
  const x = tensorOf(randomTensor(SHAPE, 5, 2, 0.5));
  const banded = atOnce(inBands(withCoefficients(), { mapSize: 0, bandSize: 18 * 10 * 5 }))!;
  assert(banded.nodes.filter(({ kind }) => kind === "normSums").length > 4);
  const [whole, bands] = [await run(backend, withCoefficients(), [x]), await run(backend, banded, [x])];
  assertEquals(bands[1].shape, whole[1].shape);
  assertClose(bands[0].data, whole[0].data, 1e-5, "result");
});

testOnEveryEngine("part of a map is normalized as it is in the whole, also in bands", async (backend) => {
  await setWeights(backend);
  const x = randomTensor(SHAPE, 5, 2, 0.5);
  const [, coefficients] = await run(backend, withCoefficients(), [tensorOf(x)]);
  const norm = (shape: readonly number[]) => {
    const g = new Graph();
    const part = g.conv2d(g.input(shape), CONV);
    g.output(g.conv2d(g.groupNorm(part, NORM, { ...OPTIONS, coefficients: g.input(coefficients.shape) }), CONV));
    return g;
  };
  const [whole] = await run(backend, norm(SHAPE), [x, coefficients].map(tensorOf));
  const part = rowsOf(x, 4, 16);
  const inner = rowsOf(whole, 8, 12).data; // without the rows that convolutions pad
  for (const graph of [norm(part.shape), atOnce(inBands(norm(part.shape), { mapSize: 0, bandSize: 18 * 10 * 4 }))!]) {
    const [result] = await run(backend, graph, [part, coefficients].map(tensorOf));
    assertClose(rowsOf(result, 4, 8).data, inner, 1e-5, "part");
  }
});

Deno.test("keys, values and coefficients of other shapes are refused", () => {
  const g = new Graph();
  const x = (...shape: number[]): Node => g.input(shape);
  const refuses = (record: () => void, message: string) => assertThrows(record, RangeError, message);
  refuses(() => g.attention(x(1, 4, 2, 2), x(1, 8, 2, 2), x(1, 8, 2, 2)), "attention: [1,4,2,2], [1,8,2,2]");
  refuses(() => g.attention(x(1, 4, 2, 2), x(2, 4, 2, 2), x(2, 4, 2, 2)), "attention");
  refuses(() => g.attention(x(1, 4, 2, 2), x(1, 4, 2, 2), x(1, 4, 2, 3)), "attention");
  const coefficients = x(1, 3, 18);
  refuses(() => g.groupNorm(x(1, 18, 2, 2), NORM, { ...OPTIONS, coefficients }), "coefficients are [1,3,18]");
});

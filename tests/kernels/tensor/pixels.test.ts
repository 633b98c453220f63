import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type Backend,
  floatsToPixels,
  Graph,
  type PixelRange,
  Pixels,
  readPixels,
  type Shape,
  Tensor,
} from "../../../kernels/mod.ts";
import { createWebGpuBackend } from "../../../kernels/webgpu/mod.ts";
import { testOnEveryEngine } from "../engines.ts";
import { randomTensor } from "../tensors.ts";
import { testOn } from "../../support/engines.ts";

const RANGES = ["unit", "signed"] as const;

/** Where two arrays first differ to the bit; -1 if nowhere. */
function firstDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Math.min(actual.length, expected.length);
  return Array.prototype.findIndex.call(actual, (value, i) => !Object.is(value, expected[i]));
}

/** Runs a graph that returns what it is given. */
async function pass(backend: Backend, input: Tensor, range?: PixelRange): Promise<Tensor> {
  const g = new Graph();
  g.output(range ? g.pixels(input.shape, range) : g.input(input.shape));
  const program = await backend.compile(g);
  const [output] = await program.run([input]);
  program.dispose();
  return output;
}

/** Each byte in each channel, opaque or not. */
function allBytes(images: number): Uint8ClampedArray<ArrayBuffer> {
  return Uint8ClampedArray.from({ length: images * 16 * 17 * 4 }, (_, i) => (i >> 2) + 85 * (i % 4));
}

Deno.test("bytes stand for the numbers that torch makes of them, and are the nearest to those", async () => {
  const bytes = allBytes(1);
  const unit = new Pixels(bytes, [1, 3, 16, 17], "unit").floats();
  const signed = new Pixels(bytes, [1, 3, 16, 17], "signed").floats();
  const expected = Float32Array.from({ length: 3 * 272 }, (_, i) => bytes[4 * (i % 272) + Math.floor(i / 272)] / 255);
  assertEquals(firstDifference(unit, expected), -1);
  assertEquals(firstDifference(signed, expected.map((value) => 2 * value - 1)), -1);
  for (const [range, floats] of [["unit", unit], ["signed", signed]] as const) {
    const pixels = await readPixels(new Tensor(floats, [1, 3, 16, 17]), range);
    assertEquals(firstDifference(pixels, bytes.map((byte, i) => i % 4 < 3 ? byte : 255)), -1);
  }
});

Deno.test("a tensor of pixels becomes one of floats when these are read, as the reader may change them", async () => {
  const tensor = new Tensor(new Pixels(allBytes(1), [1, 3, 16, 17], "unit"), [1, 3, 16, 17], "float32");
  const floats = await tensor.data();
  floats[0] = 1;
  assertEquals(await tensor.data() === floats, true);
  assertEquals((await readPixels(tensor, "unit"))[0], 255);
});

testOnEveryEngine("pixels become the same floats on every engine", async (backend) => {
  for (const range of RANGES) {
    for (const shape of [[1, 3, 16, 17], [2, 1, 16, 17]]) {
      const pixels = new Pixels(allBytes(shape[0]), shape, range);
      using output = await pass(backend, new Tensor(pixels, shape, "float32"), range);
      assertEquals(firstDifference(await output.data(), pixels.floats()), -1, `${range} [${shape}]`);
    }
  }
});

/** Numbers around the borders of two bytes, beyond the range, and none at all. */
function difficult(length: number, range: PixelRange): Float32Array<ArrayBuffer> {
  const specials = [NaN, Infinity, -Infinity, -0, 1e38, -1e38, 1e-40, 1, -1];
  const bits = new Uint32Array(1), float = new Float32Array(bits.buffer);
  return Float32Array.from({ length }, (_, i) => {
    if (i < specials.length) return specials[i];
    const unit = (i % 257 - 0.5) / 255;
    float[0] = range === "signed" ? 2 * unit - 1 : unit;
    bits[0] += i % 5 - 2; // this one, or one of its neighbours
    return float[0];
  });
}

testOnEveryEngine("floats become the same pixels on every engine", async (backend) => {
  for (const range of RANGES) {
    for (const shape of [[2, 3, 37, 19], [3, 1, 23, 61]]) {
      const floats = difficult(shape.reduce((a, b) => a * b), range);
      using output = await pass(backend, new Tensor(floats, shape));
      const expected = floatsToPixels(floats, shape, range);
      for (let round = 0; round < 2; round++) {
        assertEquals(firstDifference(await readPixels(output, range), expected), -1, `${range} [${shape}]`);
      }
    }
  }
});

testOn("webgpu", "pictures of more pixels than one dispatch can number are read back as pixels", async () => {
  const backend = await createWebGpuBackend();
  const shape: Shape = [1, 1, 2050, 2051];
  const { data } = randomTensor(shape);
  using output = await pass(backend, new Tensor(data, shape));
  const expected = floatsToPixels(data, shape, "signed");
  assertEquals(firstDifference(await readPixels(output, "signed"), expected), -1);
  backend.dispose();
});

testOnEveryEngine("inputs of pixels take nothing else, other inputs take pixels as floats", async (backend) => {
  const shape = [1, 3, 16, 17];
  const pixels = (range: PixelRange) => new Tensor(new Pixels(allBytes(1), shape, range), shape, "float32");
  using output = await pass(backend, pixels("signed"));
  assertEquals(firstDifference(await output.data(), await pixels("signed").data()), -1);
  const refused = [pixels("unit"), output, new Tensor(new Float32Array(3 * 272), shape)];
  for (const tensor of refused) {
    await assertRejects(() => pass(backend, tensor, "signed"), TypeError, "input 0 must be signed pixels");
  }
  assertThrows(() => new Graph().pixels([1, 2, 4, 4], "unit"), RangeError, "expected [n, 3 or 1, h, w], got [1,2,4,4]");
});

testOnEveryEngine("pixels of a tensor that is gone are refused", async (backend) => {
  const output = await pass(backend, new Tensor(new Float32Array(12), [1, 3, 2, 2]));
  const other = await pass(backend, new Tensor(new Float32Array(12), [1, 3, 2, 2]));
  output.dispose();
  await assertRejects(() => readPixels(output, "unit"), TypeError, "it was disposed");
  backend.dispose();
  await assertRejects(() => readPixels(other, "unit"), Error, "disposed");
});

testOnEveryEngine("pixels are those of the tensor, even if it is disposed of while they are read", async (backend) => {
  const graph = new Graph();
  graph.output(graph.straightThrough(graph.input([1, 3, 16, 16]), graph.input([1, 3, 16, 16])));
  const program = await backend.compile(graph);
  const grey = (value: number) => new Tensor(new Float32Array(3 * 16 * 16).fill(value), [1, 3, 16, 16]);
  const [first] = await program.run([grey(0), grey(0.25)]);
  const reading = readPixels(first, "unit");
  first.dispose();
  const [second] = await program.run([grey(0), grey(0.75)]);
  assertEquals((await reading)[0], 64);
  assertEquals((await readPixels(second, "unit"))[0], 191);
  second.dispose();
});

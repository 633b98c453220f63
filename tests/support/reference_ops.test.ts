import { assertAlmostEquals, assertEquals } from "@std/assert";
import { assertClose, loadGolden } from "./golden.ts";
import {
  activate,
  attention,
  conv2d,
  type Dense,
  erf,
  greatestProduct,
  groupNorm,
  lookup,
  loss,
  nearestCode,
  resizeNearest,
  spatialModulation,
} from "./reference_ops.ts";
import { syntheticTensor } from "./synthetic.ts";

function dense(values: number[], shape: number[]): Dense {
  return { data: Float32Array.from(values), shape };
}

const NINE = dense([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 3, 3]);
const ONES = dense(Array(9).fill(1), [1, 1, 3, 3]);

Deno.test("a 3×3 convolution of stride 1 sees zeros around the picture", () => {
  const { data, shape } = conv2d(NINE, ONES);
  assertEquals(shape, [1, 1, 3, 3]);
  assertEquals([...data], [12, 21, 16, 27, 45, 33, 24, 39, 28]);
});

Deno.test("the kernel is not flipped", () => {
  const right = dense([0, 0, 0, 0, 0, 1, 0, 0, 0], [1, 1, 3, 3]);
  assertEquals([...conv2d(NINE, right).data], [2, 3, 0, 5, 6, 0, 8, 9, 0]);
});

Deno.test("stride 2 pads on the right and at the bottom alone, and floors odd sides", () => {
  const { data, shape } = conv2d(NINE, ONES, { stride: 2 });
  assertEquals([shape, [...data]], [[1, 1, 1, 1], [45]]);
  const even = conv2d(dense(Array(16).fill(1), [1, 1, 4, 4]), ONES, { stride: 2 });
  assertEquals([even.shape, [...even.data]], [[1, 1, 2, 2], [9, 6, 6, 4]]);
});

Deno.test("a 1×1 convolution mixes channels, then adds bias and residual", () => {
  const x = dense([1, 2, 10, 20], [1, 2, 1, 2]);
  const weight = dense([1, 1, 2, -1], [2, 2, 1, 1]);
  const bias = dense([0.5, 0], [2]);
  const residual = dense([100, 200, 300, 400], [1, 2, 1, 2]);
  assertEquals([...conv2d(x, weight, { bias }).data], [11.5, 22.5, -8, -16]);
  assertEquals([...conv2d(x, weight, { bias, residual }).data], [111.5, 222.5, 292, 384]);
});

Deno.test("upsampling repeats each pixel before the convolution", () => {
  const x = dense([1, 2], [1, 1, 1, 2]);
  const one = dense([1], [1, 1, 1, 1]);
  const { data, shape } = conv2d(x, one, { upsample: true });
  assertEquals([shape, [...data]], [[1, 1, 2, 4], [1, 1, 2, 2, 1, 1, 2, 2]]);
  assertEquals([...resizeNearest(x, 1, 3).data], [1, 1, 2]);
});

Deno.test("group norm takes the biased variance of contiguous channels", () => {
  const x = dense([1, 3, 1, 3, 10, 10, 10, 10], [1, 4, 1, 2]);
  const weight = dense([1, 2, 1, 1], [4]);
  const bias = dense([0, 0, 0, 5], [4]);
  const { data } = groupNorm(x, { groups: 2, weight, bias });
  assertClose(data, [-1, 1, -2, 2, 0, 0, 5, 5], 1e-6, "group norm");
  const rectified = groupNorm(x, { groups: 2, weight, bias, activation: "relu" });
  assertClose(rectified.data, [0, 1, 0, 2, 0, 0, 5, 5], 1e-6, "group norm with an activation");
});

Deno.test("spatial norm scales and shifts by maps that are resized to it", () => {
  const norm = dense([1, 2, 3, 4], [1, 1, 1, 4]);
  const y = dense([10, 100], [1, 1, 1, 2]);
  const b = dense([1], [1, 1, 1, 1]);
  assertEquals([...spatialModulation(norm, { y, b }).data], [11, 21, 301, 401]);
});

Deno.test("activations have their textbook values", () => {
  const of = (name: Parameters<typeof activate>[1]) => activate(dense([-1, 0, 1], [3]), name).data;
  assertClose(of("silu"), [-0.2689414213699951, 0, 0.7310585786300049], 1e-14, "silu");
  assertClose(of("mish"), [-0.3034014613741089, 0, 0.8650983882673103], 1e-14, "mish");
  assertClose(of("gelu"), [-0.15865525393145707, 0, 0.8413447460685429], 1e-14, "gelu");
  assertEquals([...of("relu")], [0, 0, 1]);
  assertAlmostEquals(erf(3), 0.9999779095030014, 1e-15);
  assertEquals([erf(0), erf(-9)], [0, -1]);
});

Deno.test("attention weighs values by the softmax of scaled products", () => {
  // Two pixels, four channels: the products are 0 and 2 ln 3, which C^-0.5 halves, so the weights are 1/4 and 3/4.
  const q = dense([1, 1, 0, 0, 0, 0, 0, 0], [1, 4, 1, 2]);
  const k = dense([0, 2 * Math.log(3), 0, 0, 0, 0, 0, 0], [1, 4, 1, 2]);
  const v = dense([4, 8, 0, 0, 0, 0, 1, 1], [1, 4, 1, 2]);
  assertClose(attention(q, { k, v }).data, [7, 7, 0, 0, 0, 0, 1, 1], 1e-7, "attention");
});

Deno.test("the nearest code is the first of equals, and always one of the codebook", () => {
  const codebook = dense([0, 0, 1, 1, 1, 1, 5, 5], [4, 2]);
  const x = dense([0, 1, 4, NaN, 0.4, 1, 3, 0], [1, 2, 2, 2]);
  const indices = nearestCode(x, codebook);
  assertEquals([[...indices.data], indices.shape], [[0, 1, 3, 0], [1, 2, 2]]);
});

Deno.test("the code of the greatest inner product may be far away", () => {
  const codebook = dense([0, 0, 3, 4, -1, 0, 0, -2], [4, 2]);
  const x = dense([1, -1, 0, NaN, 1, 0, 0, 1], [1, 2, 1, 4]);
  assertEquals([...greatestProduct(x, codebook).data], [1, 2, 0, 0]);
});

Deno.test("looking codes up gives channels first, and the loss is 1.25 mean squared differences", () => {
  const codebook = dense([1, 2, 3, 4], [2, 2]);
  const indices = { data: Int32Array.of(1, 0), shape: [1, 1, 2] };
  const rows = lookup(indices, codebook);
  assertEquals([[...rows.data], rows.shape], [[3, 1, 4, 2], [1, 2, 1, 2]]);
  assertEquals(loss(dense([3, 1, 4, 0], [1, 2, 1, 2]), rows), 1.25);
});

Deno.test("Diffusers' first convolution and quantizer agree", () => {
  const golden = loadGolden("tiny-f4");
  const weights = (name: string, shape: number[]) => ({ data: syntheticTensor(name, shape, golden.info), shape });
  const sample = golden.tensor("sample");
  const first = conv2d(sample, weights("encoder.conv_in.weight", [16, 3, 3, 3]), {
    bias: weights("encoder.conv_in.bias", [16]),
  });
  const expected = golden.tensor("act.encoder.conv_in").data;
  assertClose(first.data.subarray(0, expected.length), expected, 1e-6, "encoder.conv_in");

  const codebook = weights("quantize.embedding.weight", [256, 3]);
  const latents = golden.tensor("latents");
  const indices = nearestCode(latents, codebook);
  const quantized = lookup(indices, codebook);
  assertEquals(indices.data, golden.integers("indices").data);
  assertClose(quantized.data, golden.tensor("quant").data, 1e-6, "quant");
  assertClose([loss(latents, quantized)], golden.tensor("loss").data, 1e-6, "loss");
});

/** Pictures, latents and weights that hold NaN, infinity, or numbers whose squares are too large for float32. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Graph } from "../../../kernels/mod.ts";
import { Tensor, VQModel, WeightsError } from "../../../mod.ts";
import { parseConfig } from "../../../model/architecture/config.ts";
import { recordPass } from "../../../model/architecture/passes.ts";
import { assertClose } from "../../support/golden.ts";
import { syntheticImage } from "../../support/synthetic.ts";
import { checkpointOf, makeModel, MemoryFiles, take, TINY } from "../models.ts";
import { runReference } from "./reference_graph.ts";
import { testOnEveryDevice } from "../../support/engines.ts";

const SHAPE = [2, 3, 12, 10];

/** A picture with a value at [1, 2, 5, 7], and another behind it. */
function pictureWith(value: number): Tensor {
  const data = syntheticImage(SHAPE, 1);
  data[((1 * 3 + 2) * 12 + 5) * 10 + 7] = value;
  data[((1 * 3 + 2) * 12 + 6) * 10] = NaN;
  return new Tensor(data, SHAPE);
}

testOnEveryDevice("a picture that is not finite has no tokens, and the error names the first place", async (device) => {
  using model = await makeModel(TINY, { device });
  for (const value of [NaN, Infinity, -Infinity]) {
    const message = `Cannot tokenize: sample is ${value} at [n, c, y, x] = [1, 2, 5, 7]`;
    await assertRejects(() => model.tokenize(pictureWith(value)), RangeError, message);
  }
  const tokens = await model.tokenize(new Tensor(syntheticImage(SHAPE, 1), SHAPE));
  assert(tokens.indices.every((index) => index >= 0));
});

testOnEveryDevice("encode, quantize and decode pass NaN on, as upstream does", async (device) => {
  using model = await makeModel(TINY, { device });
  const { latents } = await model.encode(pictureWith(NaN));
  const { indices } = await model.quantize(latents);
  const { sample } = await model.decode(latents);
  const [z, codes, picture] = await Promise.all([latents, indices, sample].map((tensor) => tensor.data()));
  const isFirstFinite = (values: ArrayLike<number>) =>
    Array.from(values).slice(0, values.length / 2).every(Number.isFinite);
  const isSecondNaN = (values: ArrayLike<number>) => Array.from(values).slice(values.length / 2).every(Number.isNaN);
  assert(isFirstFinite(z) && isSecondNaN(z), "latents");
  assert(isFirstFinite(picture) && isSecondNaN(picture), "picture");
  assert(codes.slice(codes.length / 2).every((code) => code === 0), "codes");
});

testOnEveryDevice(
  "infinite latents of a finite picture are blamed on the weights, not on the picture",
  async (device) => {
    const checkpoint = checkpointOf(TINY);
    const { shape } = checkpoint.get("quant_conv.bias")!;
    checkpoint.set("quant_conv.bias", { shape, values: () => new Float32Array(shape[0]).fill(Infinity) });
    using model = await VQModel.fromFiles(new MemoryFiles(TINY, checkpoint).opener, { device });
    const message = "sample is finite, but its latents at [n, y, x] = [0, 0, 0]";
    await assertRejects(() => model.tokenize(new Tensor(syntheticImage(SHAPE, 1), SHAPE)), RangeError, message);
  },
);

testOnEveryDevice("pictures of numbers whose squares are too large stay finite", async (device) => {
  using model = await makeModel(TINY, { device });
  const { config } = parseConfig(TINY);
  const shape = [1, 3, 64, 48];
  for (const scale of [3e17, 1e20]) {
    const data = syntheticImage(shape, 1).map((value) => value * scale);
    const graph = new Graph();
    recordPass(graph, "encode", config, { shape });
    const expected = runReference(graph, checkpointOf(TINY), [{ data, shape }])(graph.outputs[0]);
    const latents = await take((await model.encode(new Tensor(data, shape))).latents);
    assertClose(latents, expected.data, 3e-5, `${scale}`);
    const { indices } = await model.tokenize(new Tensor(data, shape));
    assert(indices.every((index) => index >= 0));
  }
});

Deno.test("a codebook with a row that holds NaN is refused, by the row's number", async () => {
  const checkpoint = checkpointOf(TINY);
  const name = "quantize.embedding.weight";
  const { shape, values } = checkpoint.get(name)!;
  checkpoint.set(name, { shape, values: () => values().fill(NaN, 5 * shape[1] + 1, 5 * shape[1] + 2) });
  const files = new MemoryFiles(TINY, checkpoint);
  const message = `row 5 of ${name} holds NaN`;
  await assertRejects(() => VQModel.fromFiles(files.opener, { device: "wasm" }), WeightsError, message);
  assertEquals(files.open, 0);
});

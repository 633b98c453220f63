import { assert, assertEquals, assertRejects } from "@std/assert";
import { type OpProfile, Profile, Tensor } from "../../mod.ts";
import { medianOps } from "../../model/profile.ts";
import { makeModel, TINY } from "./models.ts";
import { testOnEveryDevice } from "../support/engines.ts";

const CONV: OpProfile = {
  op: "conv2d",
  name: "encoder.conv_in",
  shape: [1, 32, 8, 8],
  milliseconds: 2,
  flops: 3e9,
  bytes: 5e6,
};
const NORM: OpProfile = { ...CONV, op: "groupNorm", name: "norm", milliseconds: 6, flops: 0, bytes: 3e6 };

Deno.test("a profile prints as tables of kinds and of ops, by time", () => {
  const profile = new Profile("wasm", [CONV, NORM]);
  assertEquals(profile.milliseconds, 8);
  assertEquals(
    `${profile}`,
    `
op         layer            result      ms      %  GFLOP/s  GB/s
all        2                          8.00  100.0    375.0   1.0
groupNorm  1                          6.00   75.0            0.5
conv2d     1                          2.00   25.0   1500.0   2.5

op         layer            result      ms      %  GFLOP/s  GB/s
groupNorm  norm             1×32×8×8  6.00   75.0            0.5
conv2d     encoder.conv_in  1×32×8×8  2.00   25.0   1500.0   2.5`.trimStart(),
  );
});

Deno.test("the bands of an op are one line", () => {
  const last: OpProfile = { ...CONV, shape: [1, 32, 4, 8], milliseconds: 1, flops: 2e9, bytes: 3e6 };
  const { ops } = new Profile("wasm", [CONV, NORM, CONV, last]);
  assertEquals(ops, [
    { ...CONV, milliseconds: 5, flops: 8e9, bytes: 13e6, bands: 3 },
    { ...NORM, bands: 1 },
  ]);
  assertEquals(
    `${new Profile("wasm", [CONV, CONV])}`.split("\n").at(-1),
    "conv2d  encoder.conv_in  2 of 1×32×8×8  4.00  100.0   1500.0   2.5",
  );
});

Deno.test("of several runs the median of each op counts", () => {
  const run = (...times: number[]) => times.map((milliseconds) => ({ ...CONV, milliseconds }));
  assertEquals(medianOps([run(3, 1), run(1, 9), run(2, 8)]).map(({ milliseconds }) => milliseconds), [2, 8]);
});

testOnEveryDevice("profile measures every layer from picture to picture", async (device) => {
  using model = await makeModel(undefined, { device });
  using sample = new Tensor(new Float32Array(3 * 8 * 8), [1, 3, 8, 8]);
  const { ops, milliseconds } = await model.profile(sample, { rounds: 2 });
  const layers = ops.map(({ name }) => name);
  for (const name of ["encoder.conv_in", "quant_conv", "quantize.embedding", "decoder.mid_block.attentions.0"]) {
    assert(layers.includes(name), name);
  }
  assert(milliseconds > 0);
  assert(ops.every(({ bands }) => bands === 1));
  const refuses = (rounds: number) =>
    assertRejects(() => model.profile(sample, { rounds }), RangeError, "rounds must be a whole number ≥ 1");
  await refuses(0);
  await refuses(1.5);
});

testOnEveryDevice("the profile of a call in bands has a line for each op, named after its layer", async (device) => {
  using model = await makeModel({ ...TINY, block_out_channels: [16, 16], mid_block_add_attention: false }, { device });
  using sample = new Tensor(new Float32Array(3 * 160 * 40), [1, 3, 160, 40]);
  const { weights, activations } = model.memory({ shape: sample.shape });
  const { ops: whole } = await model.profile(sample, { rounds: 1 });
  model.memoryLimit = weights + 0.8 * activations;
  const { ops } = await model.profile(sample, { rounds: 1 });
  const layers = new Set(whole.map(({ name }) => name));
  assertEquals(ops.filter(({ name }) => !layers.has(name)), []);
  assertEquals(new Set(ops.map(({ op, name }) => op + name)).size, ops.length);
  assert(ops.some(({ op, bands }) => op === "conv2d" && bands > 1));
});

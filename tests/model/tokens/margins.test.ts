/** How clear the choice of each token is. */
import { assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { Tensor } from "../../../mod.ts";
import { syntheticImage } from "../../support/synthetic.ts";
import { makeModel, TINY } from "../models.ts";

const WASM = { device: "wasm", threads: 1 } as const;
const SHAPE = [2, 3, 12, 10];
const PICTURES = syntheticImage(SHAPE, 1);

function rootMeanSquare(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values, (value) => value ** 2).reduce((a, b) => a + b) / values.length);
}

Deno.test("margins are shares of the root mean square of all latents of a batch", async () => {
  using model = await makeModel(TINY, WASM);
  const latents = await (await model.encode(new Tensor(PICTURES, SHAPE))).latents.data();
  const { margins, shape } = await model.tokenize(new Tensor(PICTURES, SHAPE), { margins: true });
  assertEquals([shape as readonly number[], margins!.length], [[2, 6, 5], 60]);
  const [length, count] = [PICTURES.length / 2, margins!.length / 2];
  for (const image of [0, 1]) {
    const alone = new Tensor(PICTURES.slice(image * length, (image + 1) * length), [1, ...SHAPE.slice(1)]);
    const own = latents.subarray(image * latents.length / 2, (image + 1) * latents.length / 2);
    const scale = rootMeanSquare(own) / rootMeanSquare(latents);
    assertNotEquals(scale, 1);
    (await model.tokenize(alone, { margins: true })).margins!.forEach((margin, i) => {
      assertAlmostEquals(margins![image * count + i], margin * scale, 1e-6);
    });
  }
});

Deno.test("the number of threads leaves tokens and margins as they are, bit for bit", async () => {
  const config = { ...TINY, block_out_channels: [32, 32] };
  const sample = new Tensor(syntheticImage([1, 3, 48, 64], 1), [1, 3, 48, 64]);
  using one = await makeModel(config, WASM);
  using three = await makeModel(config, { device: "wasm", threads: 3 });
  const expected = await one.tokenize(sample, { margins: true });
  assertEquals(await three.tokenize(sample, { margins: true }), expected);
  assertEquals(await three.tokenize(sample), { indices: expected.indices, shape: expected.shape });
});

Deno.test("a codebook of one code has no second one: its margins are infinite", async () => {
  using model = await makeModel({ ...TINY, num_vq_embeddings: 1 }, WASM);
  const { indices, margins } = await model.tokenize(new Tensor(PICTURES, SHAPE), { margins: true });
  assertEquals([...indices], Array(60).fill(0));
  assertEquals([...margins!], Array(60).fill(Infinity));
});

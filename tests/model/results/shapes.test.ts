/** Shapes and values of a model's results, beside the reference. */
import { assertEquals } from "@std/assert";
import { Graph } from "../../../kernels/mod.ts";
import { Tensor, type VQConfig } from "../../../mod.ts";
import { parseConfig } from "../../../model/architecture/config.ts";
import { assertClose, type Dense } from "../../support/golden.ts";
import { syntheticImage } from "../../support/synthetic.ts";
import { checkpointOf, makeModel, MOVQ, picture, recordDecoder, recordEncoder, take, TINY } from "../models.ts";
import { runReference } from "./reference_graph.ts";
import { DEVICES, testOnEveryDevice } from "../../support/engines.ts";

const SHAPES: [config: Partial<VQConfig>, n: number, h: number, w: number][] = [
  [TINY, 1, 2, 2],
  [TINY, 1, 3, 3],
  [TINY, 2, 7, 5],
  [TINY, 1, 2, 9],
  [TINY, 3, 6, 4],
  [MOVQ, 1, 4, 4],
  [MOVQ, 1, 7, 5],
  [MOVQ, 2, 9, 14],
];

for (const [config, n, h, w] of SHAPES) {
  const levels = config.block_out_channels!.length;
  const floor = (side: number) => {
    for (let level = 1; level < levels; level++) side = Math.floor(side / 2);
    return side;
  };
  const [rows, columns] = [floor(h), floor(w)];

  testOnEveryDevice(
    `${n} pictures of ${w}×${h} are ${columns}×${rows} tokens at ${levels} levels, computed as the reference does`,
    async (device) => {
      const { config: parsed } = parseConfig(config);
      const checkpoint = checkpointOf(config);
      const sample: Dense = { data: syntheticImage([n, 3, h, w], 5), shape: [n, 3, h, w] };
      using model = await makeModel(config, { device });

      const encoder = new Graph();
      const expectedLatents = recordEncoder(encoder, parsed, encoder.input(sample.shape));
      const latentsOf = runReference(encoder, checkpoint, [sample]);
      using latents = (await model.encode(new Tensor(sample.data, sample.shape))).latents;
      assertEquals(latents.shape, [n, parsed.latent_channels, rows, columns]);
      const values = await latents.data() as Float32Array<ArrayBuffer>;
      assertClose(values, latentsOf(expectedLatents).data, 1e-5, "latents");

      const decoder = new Graph();
      const expected = recordDecoder(decoder, parsed, decoder.input(latents.shape));
      const of = runReference(decoder, checkpoint, [{ data: values, shape: latents.shape }]);
      const { sample: decoded, commitLoss } = await model.decode(latents);
      const factor = 2 ** (levels - 1);
      assertEquals(decoded.shape, [n, 3, rows * factor, columns * factor]);
      assertClose(await take(decoded), of(expected.decoded).data, 5e-5, "decoded");
      assertClose(await take(commitLoss), of(expected.loss).data, 1e-5, "loss");
      const tokens = await model.tokenize(new Tensor(sample.data, sample.shape));
      assertEquals(tokens.shape, [n, rows, columns]);
      assertEquals([...tokens.indices], [...of(expected.indices).data]);
    },
  );
}

testOnEveryDevice("pictures may have other numbers of channels coming out than going in", async (device) => {
  using model = await makeModel({ ...TINY, in_channels: 1, out_channels: 5 }, { device });
  assertEquals((await model.forward(picture(1, 1, 4, 6))).sample.shape, [1, 5, 4, 6]);
});

for (const other of DEVICES) {
  testOnEveryDevice(`results of one model are input of another, which is on ${other}`, async (device) => {
    using first = await makeModel(TINY, { device });
    using second = await makeModel(TINY, { device: other });
    const { latents } = await first.encode(picture(1, 3, 6, 8));
    const copy = new Tensor(await latents.data() as Float32Array<ArrayBuffer>, latents.shape);
    assertEquals(await take((await second.decode(latents)).sample), await take((await second.decode(copy)).sample));
  });
}

/** Which code a latent gets, family by family, in every method that quantizes. */
import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { VQModel, WeightsError } from "../../../mod.ts";
import { ANY_DEVICE, type Engine, testOnEveryDevice } from "../../support/engines.ts";
import { assertClose, type Dense } from "../../support/golden.ts";
import * as reference from "../../support/reference_ops.ts";
import { type Checkpoint, filled, generate, MemoryFiles, picture, take } from "../models.ts";
import { llamagenShapes, magvitShapes, type Size, SMALL, tamingShapes } from "./upstream.ts";

const CODES = 256;
const CHANNELS = 8;
const SIZE: Size = { ...SMALL, attention: [], z_channels: CHANNELS, embed_dim: CHANNELS, n_embed: CODES };
const CODEBOOK = "quantize.embedding.weight";

/** What lies beside a checkpoint of IBQ, and of Emu3.5. */
const IBQ = { model: { class_path: "src.IBQ.models.ibqgan.IBQ", init_args: { n_embed: CODES } } };
const EMU = { embed_dim: CHANNELS, n_embed: CODES, ddconfig: { z_channels: CHANNELS } };

function codebookOf(checkpoint: Checkpoint): Dense {
  return { data: checkpoint.get(CODEBOOK)!.values(), shape: [CODES, CHANNELS] };
}

/** A copy in which each row is multiplied by what `factor` makes of it. */
function scaleRows({ data, shape }: Dense, factor: (row: Float32Array, code: number) => number): Dense {
  const factors = Array.from(
    { length: shape[0] },
    (_, i) => factor(data.subarray(i * shape[1], (i + 1) * shape[1]), i),
  );
  return { data: data.map((value, i) => value * factors[Math.floor(i / shape[1])]), shape };
}

function openModel(checkpoint: Checkpoint, config: object, device: Engine): Promise<VQModel> {
  return VQModel.fromFiles(new MemoryFiles(config, checkpoint).opener, { device });
}

/** Checks every method: latents get the codes that `search` finds, which are rows of `codebook`. */
async function checkCodes(model: VQModel, codebook: Dense, search: (z: Dense) => Dense<Int32Array<ArrayBuffer>>) {
  const sample = picture(2, 3, 32, 24);
  const { latents } = await model.encode(sample);
  const z = { data: await latents.data() as Float32Array<ArrayBuffer>, shape: latents.shape };
  const expected = search(z);
  const codes = reference.lookup(expected, codebook);

  const stored = await model.codes();
  assertEquals(stored.shape, codebook.shape);
  assertClose(await take(stored), codebook.data, 1e-6, "codes");

  const { indices, quantized, loss } = await model.quantize(latents);
  assertEquals([...await take(indices)], [...expected.data]);
  assertClose(await take(quantized), codes.data, 1e-6, "quantized");
  assertClose(await take(loss), [reference.loss(z, codes)], 1e-5, "loss");

  const tokens = await model.tokenize(sample);
  assertEquals([...tokens.indices], [...expected.data]);
  const detokenized = await take(await model.detokenize(tokens));
  const decoded = await model.decode(latents);
  assertClose(await take(decoded.sample), detokenized, 1e-5, "decode");
  assertClose(await take(decoded.commitLoss), [reference.loss(z, codes)], 1e-5, "commitLoss");
  const forwarded = await model.forward(sample);
  assertClose(await take(forwarded.sample), detokenized, 1e-5, "forward");
  forwarded.commitLoss.dispose();
  return { z, expected };
}

for (const [family, config] of Object.entries({ "ibq": IBQ, "emu3.5": EMU })) {
  testOnEveryDevice(`${family} takes the code of the greatest inner product`, async (device) => {
    const checkpoint = generate(tamingShapes(SIZE));
    const codebook = codebookOf(checkpoint);
    using model = await openModel(checkpoint, config, device);
    assertEquals(model.config.family?.name, family);
    const { z, expected } = await checkCodes(model, codebook, (z) => reference.greatestProduct(z, codebook));
    assertNotEquals([...reference.nearestCode(z, codebook).data], [...expected.data]);
  });
}

testOnEveryDevice("llamagen takes the code of the least angle, and decodes unit vectors", async (device) => {
  const checkpoint = generate(llamagenShapes(SIZE));
  const raw = codebookOf(checkpoint);
  const unit = scaleRows(raw, (row) => 1 / Math.hypot(...row));
  using model = await openModel(checkpoint, {}, device);
  assertEquals(model.config.family?.name, "llamagen");
  const { z, expected } = await checkCodes(model, unit, (z) => reference.greatestProduct(z, unit));
  assertNotEquals([...reference.nearestCode(z, raw).data], [...expected.data]);

  // Codes that differ in length only are the same codebook.
  checkpoint.set(CODEBOOK, { shape: raw.shape, values: () => scaleRows(raw, (_, code) => 2 ** (code % 5)).data });
  using longer = await openModel(checkpoint, {}, device);
  assertEquals(await longer.codebook(), await model.codebook());
});

testOnEveryDevice("magvit-v2 takes the signs, the first channel as the highest bit", async (device) => {
  const levels = { ch_mult: SIZE.ch_mult, num_res_blocks: [1, 1] };
  const checkpoint = generate(magvitShapes(SIZE, { encoder: levels, decoder: levels }));
  using model = await openModel(checkpoint, {}, device);
  assertEquals(model.config.family?.name, "magvit-v2");
  const bit = (code: number, channel: number) => (code >> (7 - channel)) & 1;
  const signs = Float32Array.from({ length: CODES * 8 }, (_, i) => bit(Math.floor(i / 8), i % 8) ? 1 : -1);
  await checkCodes(model, { data: signs, shape: [CODES, CHANNELS] }, ({ data, shape: [n, c, h, w] }) => {
    const indices = Int32Array.from({ length: n * h * w }, (_, pixel) => {
      const first = Math.floor(pixel / (h * w)) * c * h * w + pixel % (h * w);
      return Array.from({ length: c }, (_, i) => data[first + i * h * w]).reduce(
        (code, v) => 2 * code + Number(v > 0),
        0,
      );
    });
    return { data: indices, shape: [n, h, w] };
  });
  const { indices } = await model.quantize(filled(0, 1, 8, 1, 1)); // 0 counts as -1
  assertEquals([...await take(indices)], [0]);
});

for (const [family, shapes] of Object.entries({ ibq: tamingShapes(SIZE), llamagen: llamagenShapes(SIZE) })) {
  Deno.test(`a codebook with a row that holds NaN is refused (${family})`, async () => {
    const checkpoint = generate(shapes);
    const { shape, values } = checkpoint.get(CODEBOOK)!;
    checkpoint.set(CODEBOOK, { shape, values: () => values().fill(NaN, 7 * 8 + 1, 7 * 8 + 2) });
    const loading = () => openModel(checkpoint, family === "ibq" ? IBQ : {}, ANY_DEVICE);
    await assertRejects(loading, WeightsError, `row 7 of ${CODEBOOK} holds NaN`);
  });
}

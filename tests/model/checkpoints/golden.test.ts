/** Checkpoints of other families, in upstream's own files: what upstream's own code makes of a picture. */
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { ConfigError, VQModel } from "../../../mod.ts";
import { DEVICES } from "../../support/engines.ts";
import { withFolder } from "../../support/folders.ts";
import { assertClose, assertSameCodes } from "../../support/golden.ts";
import { fixture } from "../../support/paths.ts";
import { readSafetensors, type StoredTensors } from "../../support/safetensors.ts";
import { take, tensorOf } from "../models.ts";

/** The family of each folder's checkpoint; beside it lies `io.safetensors`, which holds no model. */
const FAMILIES = {
  taming: "taming",
  "taming-f16": "taming",
  "ldm-noattn": "latent-diffusion",
  movqgan: "movqgan",
  llamagen: "llamagen",
  "llamagen-legacy": "llamagen",
  ibq: "ibq",
  magvitv2: "magvit-v2",
  maskgit: "maskgit",
};

/** Relative error allowed for latents, where 3×3 convolutions may be computed by Winograd's algorithm. */
const LATENTS = 3e-5;
/** Relative error allowed for pictures that are decoded from the stored indices; spatial norms amplify rounding errors. */
const DECODED = { group: 1e-4, spatial: 3e-4 };

for (const [name, family] of Object.entries(FAMILIES)) {
  for (const device of DEVICES) {
    Deno.test(`${name} encodes, quantizes and decodes as upstream does (${device})`, async (t) => {
      const directory = fixture(`families/${name}`);
      const stored = readSafetensors(join(directory, "io.safetensors"));
      using model = await VQModel.fromPretrained(directory, { device });
      assertEquals(model.config.family?.name, family);
      await t.step("encode gives the latents", () => checkEncode(model, stored));
      await t.step("quantize gives the indices", () => checkQuantize(model, stored));
      await t.step("tokenize gives the indices", () => checkTokenize(model, stored));
      await t.step("detokenize gives the picture", () => checkDetokenize(model, stored));
      await t.step("decode gives the picture", () => checkDecode(model, stored));
      await t.step("what Diffusers can load of it does so too", () => checkSaved(model, stored));
    });
  }
}

async function checkEncode(model: VQModel, stored: StoredTensors): Promise<void> {
  using sample = tensorOf(stored.tensor("sample"));
  const expected = stored.tensor("latents");
  const { latents } = await model.encode(sample);
  assertEquals(latents.shape, expected.shape);
  assertClose(await take(latents), expected.data, LATENTS, "latents");
}

async function checkQuantize(model: VQModel, stored: StoredTensors): Promise<void> {
  using latents = tensorOf(stored.tensor("latents"));
  const expected = stored.integers("indices");
  const { indices, quantized, loss } = await model.quantize(latents);
  [quantized, loss].forEach((tensor) => tensor.dispose());
  assertEquals(indices.shape, expected.shape);
  assertSameCodes(await take(indices), expected.data, stored.tensor("margin").data, "indices");
}

async function checkTokenize(model: VQModel, stored: StoredTensors): Promise<void> {
  using sample = tensorOf(stored.tensor("sample"));
  const expected = stored.integers("indices");
  const { indices, shape } = await model.tokenize(sample);
  assertEquals<readonly number[]>(shape, expected.shape);
  assertSameCodes(indices, expected.data, stored.tensor("margin").data, "tokens");
}

async function checkDetokenize(model: VQModel, stored: StoredTensors): Promise<void> {
  const { data, shape } = stored.integers("indices");
  const decoded = await model.detokenize({ indices: data, shape: shape as [number, number, number] });
  checkPicture(model, stored, decoded.shape, await take(decoded));
}

/** By way of the codes of the latents. */
async function checkDecode(model: VQModel, stored: StoredTensors): Promise<void> {
  using latents = tensorOf(stored.tensor("latents"));
  const { sample, commitLoss } = await model.decode(latents);
  commitLoss.dispose();
  checkPicture(model, stored, sample.shape, await take(sample));
}

/** The families of which Diffusers can load nothing: its levels have equally many resnets. */
const UNSAVED = ["magvit-v2", "maskgit"];

async function checkSaved(model: VQModel, stored: StoredTensors): Promise<void> {
  const { device, config: { family } } = model;
  await withFolder(async (folder) => {
    if (UNSAVED.includes(family!.name)) {
      await assertRejects(() => model.savePretrained(folder), ConfigError, family!.name);
      return;
    }
    await model.savePretrained(folder);
    using saved = await VQModel.fromPretrained(folder, { device });
    assertEquals(saved.config.family, undefined);
    await checkTokenize(saved, stored);
    await checkDetokenize(saved, stored);
  });
}

function checkPicture(model: VQModel, stored: StoredTensors, shape: readonly number[], values: Float32Array): void {
  const expected = stored.tensor("decoded");
  assertEquals(shape, expected.shape);
  assertClose(values, expected.data, DECODED[model.config.norm_type], "decoded");
}

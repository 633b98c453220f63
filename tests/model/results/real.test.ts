/** The published architectures at full size, 256×256 pixels, with generated weights. */
import { assert, assertEquals } from "@std/assert";
import { Tensor, VQModel } from "../../../mod.ts";
import { assertClose, assertSameCodes, type Dense, loadReal } from "../../support/golden.ts";
import { loadRecipe, syntheticImage } from "../../support/synthetic.ts";
import { generate, MemoryFiles, take, tensorOf } from "../models.ts";
import { DEVICES } from "../../support/engines.ts";

/** Each with how many of its tokens can be judged: those whose latent is clearly nearest to one code. */
const MODELS = { "vq-f4": 4090, amused: 256, movq: 1021, "vq-diffusion-ithq": 256 };

/** Stored pictures in half precision are off by up to 3e-4 themselves. */
const HALF_PRECISION = 5e-4;

for (const [name, judged] of Object.entries(MODELS)) {
  for (const device of DEVICES) {
    Deno.test(`${name} at full size encodes, quantizes and decodes as Diffusers does (${device})`, () => {
      return checkModel(name, judged, device);
    });
  }
}

async function checkModel(name: string, judged: number, device: (typeof DEVICES)[number]): Promise<void> {
  const golden = loadReal(name);
  const { sample_shape, seed, gains, parameters, tensors } = loadRecipe(name);
  const shapes = Object.entries(tensors).map(([tensor, { shape }]) => [tensor, shape] as const);
  const files = new MemoryFiles(golden.config, generate(shapes, { seed, gains }));
  using model = await VQModel.fromFiles(files.opener, { device });
  assertEquals(model.numParameters(), parameters);

  const sample = new Tensor(syntheticImage(sample_shape, seed), sample_shape);
  const { latents } = await model.encode(sample);
  const expected = golden.tensor("latents");
  assertEquals(latents.shape, expected.shape);
  assertClose(await take(latents), expected.data, 3e-5, "latents");

  const { indices, quantized, loss } = await model.quantize(tensorOf(expected));
  quantized.dispose();
  const margin = golden.tensor("margin").data;
  assertEquals(margin.filter((value) => value > 1e-4).length, judged);
  assertSameCodes(await take(indices), golden.integers("indices").data, margin, "indices");
  assertClose(await take(loss), golden.tensor("loss").data, 1e-4, "loss");

  const { sample: decoded, commitLoss } = await model.decode(tensorOf(expected));
  assertClose(await take(commitLoss), golden.tensor("loss").data, 1e-4, "commitLoss");
  const picture = { shape: decoded.shape, data: await take(decoded) };
  const stored = golden.tensor("decoded");
  assertEquals(picture.shape, stored.shape);
  const crop = golden.names.includes("decoded_crop") ? golden.tensor("decoded_crop") : undefined;
  assertClose(picture.data, stored.data, crop ? HALF_PRECISION : 1e-4, "decoded");
  if (crop) assertClose(cropOf(picture), crop.data, 1e-4, "crop of decoded");
}

/** The pixels `[..., 64:128, 64:128]`. */
function cropOf({ data, shape: [n, c, h, w] }: Dense): Float32Array {
  assert(h >= 128 && w >= 128);
  const crop = new Float32Array(n * c * 64 * 64);
  for (let row = 0; row < n * c * 64; row++) {
    const from = (Math.floor(row / 64) * h + 64 + row % 64) * w + 64;
    crop.set(data.subarray(from, from + 64), row * 64);
  }
  return crop;
}

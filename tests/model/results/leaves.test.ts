/** The bundled model on the bundled picture. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { ImageProcessor, psnr, VQModel } from "../../../mod.ts";
import { assertClose, assertSameCodes, loadBundled } from "../../support/golden.ts";
import { take, tensorOf } from "../models.ts";
import { repository } from "../../support/paths.ts";
import { testOn } from "../../support/engines.ts";
import { testOnEveryDevice } from "../../support/engines.ts";

const PICTURE = repository("examples/images/still-life.png");

testOnEveryDevice("the bundled model computes what the reference computes", async (device) => {
  const stored = loadBundled();
  const tensor = (name: string) => tensorOf(stored.tensor(name));
  using model = await VQModel.fromPretrained(stored.directory, { device });
  const { latents } = await model.encode(tensor("sample"));
  assertClose(await take(latents), stored.tensor("latents").data, 3e-5, "latents");
  const { quantized, indices, loss } = await model.quantize(tensor("latents"));
  const margin = stored.tensor("margin").data;
  assertSameCodes(await take(indices), stored.integers("indices").data, margin, "indices");
  assertClose(await take(loss), stored.tensor("loss").data, 1e-4, "loss");
  const { sample, commitLoss } = await model.decode(tensor("latents"));
  assertClose(await take(sample), stored.tensor("decoded").data, 1e-4, "decoded");
  for (const tensor of [quantized, commitLoss]) tensor.dispose();
});

testOn("webgpu", "a picture whose activations exceed one binding of a software adapter comes out whole", async () => {
  const side = 1060; // 32 channels of float32 are 144 MB, a binding shows 134
  using model = await VQModel.fromPretrained(loadBundled().directory, { device: "webgpu" });
  const processor = new ImageProcessor({ vaeScaleFactor: 4 });
  using sample = await processor.preprocess(PICTURE, { height: side, width: side });
  const tokens = await model.tokenize(sample);
  assertEquals(tokens.shape, [1, side / 4, side / 4]);
  using decoded = await model.detokenize(tokens);
  const [original] = await processor.postprocess(sample);
  const [reconstruction] = await processor.postprocess(decoded);
  assertGreater(psnr(original, reconstruction), 34);
  assert(model.memory().buffers > side * side * 32 * 4);
});

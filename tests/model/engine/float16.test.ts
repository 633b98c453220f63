/** Models in float16: accuracy, memory, and calls with values out of range. */
import { assertEquals, assertGreaterOrEqual, assertLess, assertRejects } from "@std/assert";
import { NO_MEMORY } from "../../../kernels/mod.ts";
import { DeviceError, ImageProcessor, type Progress, Tensor, type VQConfig, VQModel } from "../../../mod.ts";
import { assertClose, loadBundled, loadGolden } from "../../support/golden.ts";
import { checkpointOf, MemoryFiles, take, TINY } from "../models.ts";
import { repository } from "../../support/paths.ts";
import { testOn } from "../../support/engines.ts";

const PICTURES = ["still-life", "close-up"].map((name) => repository(`examples/images/${name}.png`));

testOn("webgpu", "in float16 the bundled model gives nearly the same tokens and pictures", async () => {
  const { directory } = loadBundled();
  using full = await VQModel.fromPretrained(directory, { device: "webgpu" });
  using half = await VQModel.fromPretrained(directory, { device: "webgpu", dtype: "float16" });
  assertEquals([full.dtype, half.dtype], ["float32", "float16"]);
  const processor = new ImageProcessor({ vaeScaleFactor: full.downsamplingFactor });
  for (const picture of PICTURES) {
    using sample = await processor.preprocess(picture, { height: 128, width: 128 });
    const expected = await full.tokenize(sample);
    const tokens = await half.tokenize(sample);
    const same = tokens.indices.filter((index, i) => index === expected.indices[i]).length;
    assertGreaterOrEqual(same / expected.indices.length, 0.98);
    const decoded = await take(await full.detokenize(expected));
    assertClose(await take(await half.detokenize(expected)), decoded, 2e-3, "decoded");
  }
  for (const side of [64, 256, 2048]) {
    const [less, more] = [half, full].map((model) => model.memory({ shape: [1, 3, side, side] }).peak);
    assertLess(less, more * 0.55);
  }
});

/** The outermost level of the bundled model, for its kernels to be used again. */
const CONFIG: Partial<VQConfig> = {
  ...loadBundled().config,
  block_out_channels: [32],
  down_block_types: ["DownEncoderBlock2D"],
  up_block_types: ["UpDecoderBlock2D"],
};
/** As wide as it takes for the same kernels. */
const sample = () => new Tensor(Float32Array.from({ length: 432 }, (_, i) => Math.sin(i)), [1, 3, 4, 36]);

/** A model whose decoder makes values that float16 cannot hold, loaded in float16; and the same in float32. */
async function loadLoud(onProgress?: (progress: Progress) => void) {
  const checkpoint = checkpointOf(CONFIG);
  const stored = checkpoint.get("decoder.conv_in.weight")!;
  const loud = { ...stored, values: () => stored.values().map((value) => value * 1e6) };
  checkpoint.set("decoder.conv_in.weight", loud);
  const files = new MemoryFiles(CONFIG, checkpoint);
  const model = await VQModel.fromFiles(files.opener, { device: "webgpu", dtype: "float16", onProgress });
  const full = await VQModel.fromFiles(files.opener, { device: "webgpu" });
  return { files, model, full };
}

testOn("webgpu", "a call with a value out of float16's range is repeated in float32, and reported", async () => {
  const events: Progress[] = [];
  const { files, model, full } = await loadLoud((progress) => events.push(progress));
  const layers = events[0].total;
  const statuses = () => [...new Set(events.splice(0).map(({ status }) => status))];
  assertEquals(statuses(), ["load", "ready"]);

  using latents = (await model.encode(sample())).latents;
  assertEquals(statuses(), []);
  const before = model.memory().weights;
  const { sample: decoded, commitLoss } = await model.decode(latents);
  assertEquals(events[0], {
    status: "repeat",
    name: "memory/config.json",
    file: "memory/config.json",
    progress: 0,
    loaded: 0,
    total: layers,
    reason: "Cannot compute in float16: a value was beyond ±65504, or NaN. Compute in float32",
  });
  assertEquals(statuses(), ["repeat", "load", "ready"]);
  assertEquals(model.memory().weights, before + full.memory().weights);
  const expected = await full.decode(latents);
  assertClose(await take(decoded), await take(expected.sample), 1e-6, "decoded");
  assertClose(await take(commitLoss), await take(expected.commitLoss), 1e-6, "commitLoss");

  const reads = files.reads.length;
  using again = (await model.decode(latents)).sample;
  assertEquals(again.shape, [1, 3, 4, 36]);
  assertEquals(statuses(), ["repeat"]);
  assertEquals([files.reads.length, files.open], [reads, 0]);
  full.dispose();
  model.dispose();
  assertEquals(model.memory(), NO_MEMORY);
});

testOn("webgpu", "pictures that float16 cannot hold are encoded in float32", async () => {
  const { model, full } = await loadLoud();
  for (const value of [1e8, NaN]) {
    using picture = sample();
    (picture.storage as Float32Array)[77] = value;
    if (Number.isNaN(value)) await assertRejects(() => model.tokenize(picture), RangeError, "sample is NaN at");
    else assertEquals((await model.tokenize(picture)).indices, (await full.tokenize(picture)).indices);
    const latents = await take((await model.encode(picture)).latents);
    assertEquals(latents, await take((await full.encode(picture)).latents));
  }
  model.dispose();
  full.dispose();
});

testOn(
  "webgpu",
  "failing to load the float32 model is an error of the call, which may be retried",
  async () => {
    const { files, model, full } = await loadLoud();
    using latents = (await full.encode(sample())).latents;
    const stored = files.checkpoint.get("decoder.conv_in.weight")!;
    files.checkpoint.set("decoder.conv_in.weight", { ...stored, shape: [1] });
    await assertRejects(() => model.decode(latents), Error, "The weights do not fit the configuration");
    files.checkpoint.set("decoder.conv_in.weight", stored);
    using decoded = (await model.decode(latents)).sample;
    assertEquals(decoded.shape, [1, 3, 4, 36]);
    model.dispose();
    full.dispose();
  },
);

testOn("webgpu", "a model that is disposed while its float32 copy loads holds nothing afterwards", async () => {
  let repeats = false;
  const { files, model, full } = await loadLoud(({ status }) => {
    repeats ||= status === "repeat";
    if (repeats && status === "load") model.dispose();
  });
  using latents = (await full.encode(sample())).latents;
  await assertRejects(() => model.decode(latents), TypeError, "Cannot use the model: it was disposed during the call");
  assertEquals([model.memory(), files.open], [NO_MEMORY, 0]);
  full.dispose();
});

testOn("webgpu", "checkpoints with force_upcast stay float32 unless float16 is named", async () => {
  const { directory, config } = loadGolden("tiny-amused");
  assertEquals(config.force_upcast, true);
  using model = await VQModel.fromPretrained(directory, { device: "webgpu" });
  using named = await VQModel.fromPretrained(directory, { device: "webgpu", dtype: "float16" });
  assertEquals([model.dtype, named.dtype], ["float32", "float16"]);
});

testOn("webgpu", "float16 on the CPU engine is refused, and the files are closed", async () => {
  const files = new MemoryFiles(TINY, checkpointOf(TINY));
  const loading = () => VQModel.fromFiles(files.opener, { device: "wasm", dtype: "float16" });
  await assertRejects(loading, DeviceError, "expected a WebGPU adapter with the feature shader-f16");
  assertEquals(files.open, 0);
});

/** Tuned models: same results, other kernels, and what the next model finds. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { DeviceError, VQModel } from "../../../mod.ts";
import { assertClose } from "../../support/golden.ts";
import { tree } from "../../hub/hub_fixture.ts";
import { makeModel, picture, take, TINY } from "../models.ts";
import { withFolder } from "../../support/folders.ts";
import { testOn } from "../../support/engines.ts";

/** One level of 96 channels, tuned for small pictures. */
const CONFIG = {
  ...TINY,
  block_out_channels: [96],
  down_block_types: ["DownEncoderBlock2D"],
  up_block_types: ["UpDecoderBlock2D"],
  mid_block_add_attention: false,
  layers_per_block: 1,
  sample_size: 1,
} as const;

testOn("webgpu", "a tuned model computes the same in another way, and so does the next that is loaded", async () => {
  await withFolder(async (folder) => {
    const [directory, cacheDir] = [join(folder, "model"), join(folder, "cache")];
    using made = await makeModel(CONFIG);
    await made.savePretrained(directory);
    const load = () => VQModel.fromPretrained(directory, { device: "webgpu", weights: "compact", cacheDir });
    using sample = picture(1, 3, 3, 3);
    const encode = async (model: VQModel) => await take((await model.encode(sample)).latents);

    using model = await load();
    const expected = await encode(model);
    const before = model.memory();
    assertEquals(tree(folder).filter((path) => path.includes("vqmodel")), []);
    const told: number[] = [];
    let meanwhile: Promise<Float32Array<ArrayBuffer>>[] = [];
    await model.tune({
      onProgress: (measured, total) => {
        told.push(measured / total);
        if (measured === total) meanwhile = [encode(model), encode(model)];
      },
    });
    assertEquals([told[0], told.at(-1)], [0, 1]);
    assertEquals(model.memory().weights, before.weights);
    for (const latents of [...meanwhile, encode(model)]) assertClose(await latents, expected, 3e-5, "latents");

    const [kept, ...others] = tree(cacheDir).map((path) => join(cacheDir, path));
    assertEquals(others, []);
    using next = await load();
    assertEquals(await encode(next), await encode(model));

    await Deno.writeTextFile(kept, "{");
    using untuned = await load();
    assertEquals(await encode(untuned), expected);
  });
});

testOn(
  "webgpu",
  "tuning changes nothing on the CPU engine, and refuses shapes that the model does not take",
  async () => {
    using model = await makeModel(TINY, { device: "wasm" });
    const before = model.memory();
    await model.tune({ shape: [1, 3, 4, 4], onProgress: () => assert(false, "nothing is measured") });
    assertEquals(model.memory(), before);
    await assertRejects(
      () => model.tune({ shape: [1, 4, 8, 8] }),
      RangeError,
      "Cannot use sample: expected 3 channels",
    );
    model.dispose();
    await assertRejects(() => model.tune(), TypeError, "Cannot use the model: it was disposed");
  },
);

testOn(
  "webgpu",
  "tuning takes the height and width of config.sample_size, and asks for a shape where there is none",
  async () => {
    using oblong = await makeModel({ ...TINY, sample_size: [8, 4] }, { device: "wasm" });
    await oblong.tune();
    for (const sample_size of [null, [], 0, 2.5, [8, 4.5]]) {
      using model = await makeModel({ ...TINY, sample_size }, { device: "wasm" });
      await assertRejects(() => model.tune(), RangeError);
      await model.tune({ shape: [1, 3, 4, 4] });
    }
  },
);

testOn("webgpu", "tuning that is stopped changes nothing", async () => {
  using model = await makeModel(CONFIG);
  const before = model.memory().weights;
  const controller = new AbortController();
  const onProgress = () => controller.abort(new Error("stop"));
  await assertRejects(() => model.tune({ signal: controller.signal, onProgress }), Error, "stop");
  assertEquals(model.memory().weights, before);
  using sample = picture(1, 3, 2, 2);
  assertEquals((await take((await model.encode(sample)).latents)).length, 12);
});

testOn("webgpu", "tuning fails if the model is disposed meanwhile", async () => {
  using model = await makeModel(CONFIG);
  await assertRejects(() => model.tune({ onProgress: () => model.dispose() }), DeviceError, "the model was disposed");
});

/** Halves of a model on WebGPU: what loads their weights again. */
import { assert, assertEquals } from "@std/assert";
import { type ModelHalf, Tensor, VQModel } from "../../../mod.ts";
import { testOn } from "../../support/engines.ts";
import { assertClose } from "../../support/golden.ts";
import { checkpointOf, MemoryFiles, picture, take } from "../models.ts";

/** One level of 96 channels: tuned for few pixels, its layers change to a smaller layout. */
const CONFIG = {
  block_out_channels: [96],
  down_block_types: ["DownEncoderBlock2D"],
  up_block_types: ["UpDecoderBlock2D"],
  mid_block_add_attention: false,
  layers_per_block: 1,
  num_vq_embeddings: 24,
  sample_size: 1,
} as const;

function otherHalf(files: MemoryFiles, only: ModelHalf): string[] {
  const other = only === "encoder" ? /^(decoder|post_quant_conv)\./ : /^(encoder|quant_conv)\./;
  return files.reads.filter((name) => other.test(name));
}

testOn("webgpu", "a tuned half computes the same, and loads only itself again", async () => {
  for (const only of ["encoder", "decoder"] as const) {
    const files = new MemoryFiles(CONFIG, checkpointOf(CONFIG));
    using model = await VQModel.fromFiles(files.opener, { device: "webgpu", only });
    using input = picture(1, 3, 3, 3);
    const compute = async () => {
      return await take(only === "encoder" ? (await model.encode(input)).latents : (await model.decode(input)).sample);
    };
    const expected = await compute();
    const layers = files.reads.length;
    let measured = 0;
    await model.tune({ onProgress: (done) => measured = done });
    assert(measured > 0);
    assertClose(await compute(), expected, 3e-5, only);
    assert(files.reads.length === 2 * layers || files.reads.length === layers, `${files.reads.length} of ${layers}`);
    assertEquals(otherHalf(files, only), []);
  }
});

testOn("webgpu", "a call of a half that float16 cannot hold is repeated in float32 by that half", async () => {
  const checkpoint = checkpointOf(CONFIG);
  const stored = checkpoint.get("decoder.conv_in.weight")!;
  checkpoint.set("decoder.conv_in.weight", { ...stored, values: () => stored.values().map((value) => value * 1e6) });
  const files = new MemoryFiles(CONFIG, checkpoint);
  const statuses = new Set<string>();
  using model = await VQModel.fromFiles(files.opener, {
    ...{ device: "webgpu", dtype: "float16", only: "decoder" },
    onProgress: ({ status }) => statuses.add(status),
  });
  using full = await VQModel.fromFiles(files.opener, { device: "webgpu" });
  const reads = files.reads.length;
  const latents = new Tensor(Float32Array.from({ length: 48 }, (_, i) => Math.sin(i)), [1, 3, 4, 4]);
  const decoded = await take((await model.decode(latents)).sample);
  assertClose(decoded, await take((await full.decode(latents)).sample), 1e-6, "decoded");
  assert(statuses.has("repeat"));
  files.reads.splice(0, reads);
  assertEquals(otherHalf(files, "decoder"), []);
});

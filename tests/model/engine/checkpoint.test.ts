import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { openLocalModel, writeSafetensors } from "../../../hub/mod.ts";
import { type Progress, Tensor, VQModel, WeightsError } from "../../../mod.ts";
import { type Checkpoint, checkpointOf, MemoryFiles, take, TINY } from "../models.ts";
import { withFolder } from "../../support/folders.ts";
import { ANY_DEVICE } from "../../support/engines.ts";

const ATTENTION = "encoder.mid_block.attentions.0";
const DEPRECATED = { to_q: "query", to_k: "key", to_v: "value", "to_out.0": "proj_attn" };

function load(checkpoint: Checkpoint): Promise<VQModel> {
  return VQModel.fromFiles(new MemoryFiles(TINY, checkpoint).opener, { device: ANY_DEVICE });
}

/** What the model with these weights makes of one picture. */
async function decoded(checkpoint: Checkpoint): Promise<Float32Array> {
  using model = await load(checkpoint);
  const sample = new Tensor(Float32Array.from({ length: 192 }, (_, i) => Math.sin(i)), [1, 3, 8, 8]);
  return await take((await model.forward(sample)).sample);
}

/** The same weights under other names. */
function renamed(checkpoint: Checkpoint, rename: (name: string) => string): Checkpoint {
  return new Map([...checkpoint].map(([name, tensor]) => [rename(name), tensor]));
}

/** The name an old checkpoint has for a tensor. */
function deprecatedName(name: string): string {
  return name.replace(
    /(attentions\.\d+)\.(to_q|to_k|to_v|to_out\.0)\./,
    (_, attention, layer: keyof typeof DEPRECATED) => {
      return `${attention}.${DEPRECATED[layer]}.`;
    },
  );
}

Deno.test("everything that does not fit is reported in one error", async () => {
  const checkpoint = checkpointOf(TINY);
  checkpoint.delete("quant_conv.bias");
  checkpoint.delete("decoder.conv_out.weight");
  const zeros = (shape: number[]) => ({ shape, values: () => new Float32Array(shape.reduce((a, b) => a * b)) });
  checkpoint.set("loss.discriminator.weight", zeros([3]));
  checkpoint.set("encoder.conv_in.weight", zeros([4, 3, 1, 1]));
  checkpoint.set("quantize.embedding.weight", zeros([25, 3]));
  checkpoint.set(`${ATTENTION}.to_q.weight`, zeros([8, 8, 1]));
  const { message } = await assertRejects(() => load(checkpoint), WeightsError);
  for (
    const part of [
      "2 missing: ",
      "quant_conv.bias",
      "decoder.conv_out.weight",
      "1 unexpected: loss.discriminator.weight",
      "3 misshapen: ",
      "encoder.conv_in.weight (expected [4,3,3,3], found [4,3,1,1])",
      "quantize.embedding.weight (expected [24,3], found [25,3])",
      `${ATTENTION}.to_q.weight (expected [8,8], found [8,8,1])`,
      "Check that config.json and the weights belong together",
    ]
  ) assertStringIncludes(message, part);
});

Deno.test("weights that do not fit are refused before any of them is read, and their files are closed", async () => {
  const files = new MemoryFiles(TINY, checkpointOf({ ...TINY, latent_channels: 4 }));
  await assertRejects(() => VQModel.fromFiles(files.opener), WeightsError, "misshapen");
  assertEquals([files.open, files.reads], [0, []]);
});

Deno.test("attention weights are found under their deprecated names", async () => {
  const checkpoint = checkpointOf(TINY);
  const old = renamed(checkpoint, deprecatedName);
  assertEquals([...old.keys()].filter((name) => !checkpoint.has(name)).length, 16);
  assertEquals(await decoded(old), await decoded(checkpoint));
});

Deno.test("deprecated names are mapped key by key, also beside current ones", async () => {
  const checkpoint = checkpointOf(TINY);
  const expected = await decoded(checkpoint);
  for (const layer of Object.keys(DEPRECATED)) {
    for (const part of ["weight", "bias"]) {
      const name = `${ATTENTION}.${layer}.${part}`;
      const mixed = renamed(checkpoint, (key) => key === name ? deprecatedName(key) : key);
      assert(!mixed.has(name));
      assertEquals(await decoded(mixed), expected, name);
    }
  }
});

Deno.test("other tensors of training checkpoints are ignored, reported, and not saved", async () => {
  const beside = [
    ...["quantize.codebook_used", "quantize.ema_w", "model_ema.decay", "global_step", "loss.lpips.weight"],
    ...["quantize.embedding.cluster_size", "quantize.embedding.embed_avg"], // of codes that are moving averages
  ];
  const checkpoint = checkpointOf(TINY);
  const expected = await decoded(checkpoint);
  const names = [...checkpoint.keys()];
  const broken = () => {
    throw new Error("it was read");
  };
  for (const name of beside) checkpoint.set(name, { shape: [], dtype: "I64", values: broken });
  const files = new MemoryFiles(TINY, checkpoint);
  const reports: Progress[] = [];
  const onProgress = (progress: Progress) => reports.push(progress);
  using model = await VQModel.fromFiles(files.opener, { device: ANY_DEVICE, onProgress });
  const ignored = reports.filter(({ status }) => status === "ignored");
  assertEquals(ignored.map(({ tensors, total, loaded }) => ({ tensors, total, loaded })), [{
    tensors: beside,
    total: beside.length,
    loaded: 0,
  }]);
  for (const name of beside) assertStringIncludes(ignored[0].reason!, name);
  using sample = new Tensor(Float32Array.from({ length: 192 }, (_, i) => Math.sin(i)), [1, 3, 8, 8]);
  assertEquals(await take((await model.forward(sample)).sample), expected);
  await withFolder(async (folder) => {
    await model.savePretrained(folder);
    const { name, weights } = await openLocalModel(folder);
    assertEquals([...weights.tensors.keys()].sort(), names.sort());
    assertEquals(name, folder);
    await weights.close();
  });
});

Deno.test("unexpected tensors in the model's own parts are ignored only if strict is false", async () => {
  for (
    const name of [
      "encoder.norm.weight",
      "decoder.extra",
      "quant_conv.a",
      "post_quant_conv.a",
      "quantize.embedding.bias",
    ]
  ) {
    const checkpoint = checkpointOf(TINY);
    checkpoint.set(name, { shape: [1], values: () => new Float32Array(1) });
    checkpoint.set("global_step", { shape: [1], values: () => new Float32Array(1) });
    const { opener } = new MemoryFiles(TINY, checkpoint);
    const { message } = await assertRejects(() => VQModel.fromFiles(opener, { device: ANY_DEVICE }), WeightsError);
    assertStringIncludes(message, `2 unexpected: ${name}, global_step`);

    const told: unknown[] = [];
    const onProgress = ({ tensors }: Progress) => tensors && told.push(tensors);
    using model = await VQModel.fromFiles(opener, { device: ANY_DEVICE, strict: false, onProgress });
    assertEquals(told, [[name, "global_step"]]);
    await withFolder((folder) => model.savePretrained(folder));
    checkpoint.delete("decoder.conv_out.bias");
    const incomplete = () => VQModel.fromFiles(opener, { device: ANY_DEVICE, strict: false });
    await assertRejects(incomplete, WeightsError, "1 missing: decoder.conv_out.bias");
  }
});

Deno.test("a tensor under both of its names is one too many", async () => {
  const checkpoint = checkpointOf(TINY);
  checkpoint.set(`${ATTENTION}.query.weight`, checkpoint.get(`${ATTENTION}.to_q.weight`)!);
  await assertRejects(() => load(checkpoint), WeightsError, `1 unexpected: ${ATTENTION}.query.weight`);
});

Deno.test("a deprecated name is one of an attention only", async () => {
  const checkpoint = renamed(checkpointOf(TINY), (name) => name.replace("quant_conv.bias", "query.bias"));
  await assertRejects(() => load(checkpoint), WeightsError, "unexpected");
});

Deno.test("a weight file that was cut off is refused", async () => {
  await withFolder(async (folder) => {
    await writeModel(folder);
    const path = join(folder, "diffusion_pytorch_model.safetensors");
    const bytes = await Deno.readFile(path);
    for (const length of [bytes.length - 1, Math.floor(bytes.length / 2), 100, 8, 3, 0]) {
      await Deno.writeFile(path, bytes.subarray(0, length));
      await assertRejects(() => VQModel.fromPretrained(folder, { device: ANY_DEVICE }), WeightsError);
    }
  });
});

Deno.test("weights that are whole numbers are refused by name", async () => {
  await withFolder(async (folder) => {
    await writeModel(folder, "decoder.conv_in.bias");
    const loading = () => VQModel.fromPretrained(folder, { device: ANY_DEVICE });
    const { message } = await assertRejects(loading, WeightsError, "Cannot read tensor decoder.conv_in.bias");
    assertStringIncludes(message, "expected F32, F16, BF16 or F64 elements, found I32");
  });
});

Deno.test("loading reports the number of layers on the device, and when the model is ready", async () => {
  const reports: Progress[] = [];
  const files = new MemoryFiles(TINY, checkpointOf(TINY));
  using _model = await VQModel.fromFiles(files.opener, { device: ANY_DEVICE, onProgress: (p) => reports.push(p) });
  const layers = new Set([...files.checkpoint.keys()].map((name) => name.replace(/\.(weight|bias)$/, ""))).size;
  const file = "memory/config.json";
  const progress = { status: "load", name: file, file, total: layers } as const;
  assertEquals(reports, [
    ...Array.from({ length: layers }, (_, i) => ({ ...progress, loaded: i + 1, progress: 100 * (i + 1) / layers })),
    { ...progress, status: "ready", loaded: layers, progress: 100 },
  ]);
  assertEquals([...files.reads].sort(), [...files.checkpoint.keys()].sort());
  assertEquals(files.open, 0);
});

Deno.test("a signal stops the loading, and nothing stays open", async () => {
  const reason = new Error("the user went away");
  const before = new MemoryFiles(TINY, checkpointOf(TINY));
  const aborted = VQModel.fromFiles(before.opener, { device: ANY_DEVICE, signal: AbortSignal.abort(reason) });
  assertEquals(await assertRejects(() => aborted), reason);
  assertEquals([before.open, before.reads], [0, []]);

  const during = new MemoryFiles(TINY, checkpointOf(TINY));
  const controller = new AbortController();
  const onProgress = ({ loaded }: Progress) => loaded === 3 && controller.abort(reason);
  const { signal } = controller;
  const loading = VQModel.fromFiles(during.opener, { device: ANY_DEVICE, signal, onProgress });
  assertEquals(await assertRejects(() => loading), reason);
  assertEquals(during.open, 0);
  assert(during.reads.length <= 8, `${during.reads.length} tensors were read`);
});

Deno.test("a signal stops the loading of files, and files that become shorter are refused", async () => {
  await withFolder(async (folder) => {
    const reason = new Error("the user went away");
    const controller = new AbortController();
    const loadUntil = (act: () => unknown, signal?: AbortSignal) => {
      const onProgress = ({ loaded }: Progress) => loaded === 3 && act();
      return VQModel.fromPretrained(folder, { device: ANY_DEVICE, signal, onProgress });
    };
    await writeModel(folder);
    const aborted = () => loadUntil(() => controller.abort(reason), controller.signal);
    assertEquals(await assertRejects(aborted), reason);
    const shortened = () =>
      loadUntil(() => Deno.truncateSync(join(folder, "diffusion_pytorch_model.safetensors"), 5000));
    await assertRejects(shortened, WeightsError, "was it changed meanwhile?");
  });
});

Deno.test("an error in a progress callback stops the loading, and nothing stays open", async () => {
  const files = new MemoryFiles(TINY, checkpointOf(TINY));
  const onProgress = () => {
    throw new Error("the progress bar broke");
  };
  await assertRejects(() => VQModel.fromFiles(files.opener, { device: ANY_DEVICE, onProgress }), Error, "progress bar");
  assertEquals(files.open, 0);
});

/** Writes a model directory; the tensor `whole` has whole numbers for elements. */
async function writeModel(folder: string, whole?: string): Promise<void> {
  const tensors = [...checkpointOf(TINY)].map(([name, { shape, values }]) => {
    return name === whole
      ? { name, shape, dtype: "I32", data: () => Int32Array.from(values()) }
      : { name, shape, dtype: "F32", data: values };
  });
  await writeSafetensors(join(folder, "diffusion_pytorch_model.safetensors"), tensors);
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify({ _class_name: "VQModel", ...TINY }));
}

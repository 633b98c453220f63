import { assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl, join, relative, toFileUrl } from "@std/path";
import { HubError, type ModelChoice, openLocalModel, WeightsError } from "../../../hub/mod.ts";
import { loadGolden } from "../../support/golden.ts";
import { syntheticTensor } from "../../support/synthetic.ts";
import { floats, safetensorsFile } from "../files.ts";
import { withFolder, writeFiles } from "../../support/folders.ts";
import { fixture } from "../../support/paths.ts";

const WEIGHTS = safetensorsFile({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, floats(1));
const CONFIG = JSON.stringify({ _class_name: "VQModel" });

type Files = Record<string, string | Uint8Array>;

/** The path of `config.json` of the opened model, relative to the folder. */
async function opened(files: Files, options?: ModelChoice): Promise<string> {
  return await withFolder(async (folder) => {
    await writeFiles(folder, files);
    const { configPath, weights } = await openLocalModel(folder, options);
    assertEquals(await weights.read("a"), Float32Array.of(1));
    await weights.close();
    return relative(folder, configPath);
  });
}

async function refuses(
  files: Files,
  options: ModelChoice,
  Kind: new (message: string) => Error,
  message: string,
): Promise<void> {
  await withFolder(async (folder) => {
    await writeFiles(folder, files);
    await assertRejects(() => openLocalModel(folder, options), Kind, message);
  });
}

Deno.test("openLocalModel reads every tensor of the golden models, in each of their formats", async () => {
  for (const name of ["tiny-legacy", "tiny-bin", "tiny-sharded", "tiny-default", "tiny-movq"]) {
    const { config, directory, info } = loadGolden(name);
    const model = await openLocalModel(directory);
    assertEquals(model.config, config);
    assertEquals(model.configPath, join(directory, "config.json"));
    let parameters = 0;
    for (const [key, { dtype, shape }] of model.weights.tensors) {
      const data = await model.weights.read(key);
      assertEquals(dtype, "F32");
      assertEquals(data, syntheticTensor(currentName(key), shape, info), `${key} of ${name}`);
      parameters += data.length;
    }
    assertEquals(parameters, info.parameters);
    await model.weights.close();
  }
});

Deno.test("openLocalModel widens the half-precision weights of a golden model", async () => {
  const { directory, info } = loadGolden("tiny-f16");
  const { weights } = await openLocalModel(toFileUrl(directory));
  for (const [key, { dtype, shape }] of weights.tensors) {
    assertEquals(dtype, "F16");
    assertEquals(await weights.read(key), syntheticTensor(key, shape, info).map(Math.f16round), key);
  }
  await weights.close();
});

Deno.test("openLocalModel accepts a file: URL as an object or a text", async () => {
  const url = toFileUrl(fixture("golden/tiny-bin/"));
  for (const directory of [url, url.href]) {
    const { configPath, weights } = await openLocalModel(directory);
    assertEquals(configPath, join(fromFileUrl(url), "config.json"));
    await weights.close();
  }
  await assertRejects(() => openLocalModel(new URL("https://example.com/a")), HubError, "a path or a file: URL");
});

Deno.test("openLocalModel opens a subfolder, or the VQModel of a pipeline", async () => {
  const model = { "config.json": CONFIG, "diffusion_pytorch_model.safetensors": WEIGHTS };
  const inFolder = { "movq/config.json": CONFIG, "movq/diffusion_pytorch_model.safetensors": WEIGHTS };
  const pipeline = JSON.stringify({ movq: ["diffusers", "VQModel"], unet: ["diffusers", "UNet2DModel"] });
  assertEquals(await opened(model), "config.json");
  assertEquals(await opened({ ...model, ...inFolder }, { subfolder: "./movq/" }), join("movq", "config.json"));
  assertEquals(await opened({ ...inFolder, "model_index.json": pipeline }), join("movq", "config.json"));
  assertEquals(await opened({ ...model, "model_index.json": pipeline }), "config.json");
  const counted = { ...inFolder, "model_index.json": pipeline, "config.json": "{}" };
  assertEquals(await opened(counted), join("movq", "config.json"));
});

Deno.test("openLocalModel opens the requested variant", async () => {
  const files = { "config.json": CONFIG, "diffusion_pytorch_model.fp16.safetensors": WEIGHTS };
  assertEquals(await opened(files, { variant: "fp16" }), "config.json");
  await refuses(files, {}, WeightsError, 'found only variant "fp16" (pass variant: "fp16")');
});

Deno.test("openLocalModel says what it found instead of a model", async () => {
  await refuses({}, {}, HubError, "expected config.json in it, found nothing");
  await refuses({ "b.txt": "", "a.txt": "" }, {}, HubError, "expected config.json in it, found a.txt, b.txt");
  await refuses({}, { subfolder: "vqvae" }, HubError, "expected a directory that can be read; ENOENT");
  await refuses({ "vqvae": "" }, { subfolder: "vqvae" }, HubError, "expected a directory that can be read; E"); // ENOTDIR on Unix
  await refuses({}, { subfolder: "../vqvae" }, HubError, "expected a folder inside the model's");
  await refuses({ "config.json": "{" }, {}, HubError, "config.json: expected JSON");
  await refuses({ "config.json": CONFIG }, {}, WeightsError, "found no weights among: config.json");
  const two = JSON.stringify({ a: ["diffusers", "VQModel"], b: ["diffusers", "VQModel"] });
  await refuses({ "model_index.json": two }, {}, HubError, 'a pipeline with the VQModels "a" and "b"');
});

/** The tensor whose recipe an old attention weight was made with. */
function currentName(name: string): string {
  return name
    .replace(".query.", ".to_q.").replace(".key.", ".to_k.").replace(".value.", ".to_v.")
    .replace(".proj_attn.", ".to_out.0.");
}

import { assertEquals, assertThrows } from "@std/assert";
import { HubError, WeightsError } from "../../../hub/mod.ts";
import { chooseWeights, findVqComponent } from "../../../hub/models/model_files.ts";
import { subfolderParts } from "../../../hub/system/paths.ts";

/** Chooses among names, given without their common prefix. */
function choose(endings: string[], variant?: string): string {
  const names = endings.map((ending) => `diffusion_pytorch_model${ending}`);
  return chooseWeights(["config.json", ...names], variant, "here").replace("diffusion_pytorch_model", "");
}

Deno.test("chooseWeights prefers safetensors to .bin, and one file to shards", () => {
  const best = [".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json"];
  const others = [".fp16.safetensors", ".fp16.bin", "-00001-of-00002.safetensors"];
  for (let i = 0; i < best.length; i++) {
    assertEquals(choose([...others, ...best.slice(i).reverse()]), best[i]);
  }
});

Deno.test("chooseWeights finds a variant in each spelling that Diffusers has used", () => {
  const best = [
    ".fp16.safetensors",
    ".safetensors.index.fp16.json",
    ".safetensors.fp16.index.json",
    ".fp16.bin",
    ".bin.index.fp16.json",
    ".bin.fp16.index.json",
  ];
  for (let i = 0; i < best.length; i++) {
    assertEquals(choose([".safetensors", ...best.slice(i).reverse()], "fp16"), best[i]);
  }
});

Deno.test("chooseWeights lists the available variants if the requested weights are missing", () => {
  const refuses = (endings: string[], variant: string | undefined, message: string) =>
    assertThrows(() => choose(endings, variant), WeightsError, message);
  const only = 'found only variant "fp16" (pass variant: "fp16")';
  for (const ending of [".fp16.safetensors", ".fp16.bin", ".bin.index.fp16.json", ".safetensors.fp16.index.json"]) {
    refuses([ending, ".fp16-00001-of-00002.safetensors"], undefined, only);
  }
  refuses(
    [".bin", ".fp16.bin", ".fp16.safetensors"],
    "bf16",
    `found only the default weights (omit variant) and ${only.slice(11)}`,
  );
  refuses([".bin"], "fp16", 'expected weights of variant "fp16", found only the default weights (omit variant)');
  refuses([".msgpack"], undefined, "found no weights among: config.json, diffusion_pytorch_model.msgpack");
  refuses(Array.from({ length: 20 }, (_, i) => `${i}`), undefined, "and 9 more");
});

Deno.test("findVqComponent finds the only VQModel of a pipeline", () => {
  const pipeline = {
    _class_name: "AmusedPipeline",
    vqvae: ["diffusers", "VQModel"],
    transformer: ["diffusers", "UVit2DModel"],
    safety_checker: [null, null],
  };
  assertEquals(findVqComponent(pipeline, "here"), "vqvae");
  const message = 'the VQModels "vqvae" and "movq". Say which: subfolder: "vqvae"';
  assertThrows(() => findVqComponent({ ...pipeline, movq: ["diffusers", "VQModel"] }, "here"), HubError, message);
});

Deno.test("findVqComponent refuses pipelines without one, and names that lead out of the folder", () => {
  const refuses = (pipeline: unknown, message: string) =>
    assertThrows(() => findVqComponent(pipeline, "here"), HubError, message);
  refuses({ vae: ["diffusers", "AutoencoderKL"] }, "expected a VQModel, found a pipeline of vae (AutoencoderKL)");
  refuses({ "../x": ["diffusers", "VQModel"] }, "found a pipeline of nothing");
  refuses([], "found a pipeline of nothing");
  refuses(null, "found a pipeline of nothing");
});

Deno.test("subfolderParts keeps a subfolder inside the model's folder", () => {
  assertEquals(subfolderParts(""), []);
  assertEquals(subfolderParts("./a//b/"), ["a", "b"]);
  for (const subfolder of ["..", "a/../..", "/a", "\\a", "a\\..\\..", "C:", "a\0"]) {
    assertThrows(() => subfolderParts(subfolder), HubError, "expected a folder inside the model's");
  }
});

/**
 * Models in a directory with one damaged file.
 *
 * @module
 */

import { VQModel } from "../../../mod.ts";
import type { Bytes, Mutate } from "../mutations/bytes.ts";
import { mutateJson } from "../mutations/json.ts";
import { mutateSafetensors } from "../mutations/safetensors.ts";
import { mutateZip } from "../mutations/zip.ts";
import { directoryOf, fixture, once, type Target } from "./target.ts";

const WEIGHTS = "diffusion_pytorch_model.safetensors";
const SHARDS = ["00001", "00002"].map((number) => `diffusion_pytorch_model-${number}-of-00002.safetensors`);

/** One for each file of a model. */
export const modelTargets: readonly Target[] = [
  modelTarget("config", "config.json", () => files("tiny-amused", ["config.json", WEIGHTS]), mutateJson),
  modelTarget("safetensors", WEIGHTS, () => files("tiny-amused", ["config.json", WEIGHTS]), mutateSafetensors),
  modelTarget("bin", "diffusion_pytorch_model.bin", () => {
    return files("tiny-bin", ["config.json", "diffusion_pytorch_model.bin"]);
  }, mutateZip),
  modelTarget("index", `${WEIGHTS}.index.json`, () => {
    return files("tiny-sharded", ["config.json", `${WEIGHTS}.index.json`, ...SHARDS]);
  }, mutateJson),
  modelTarget("pipeline", "model_index.json", pipeline, mutateJson),
];

function modelTarget(name: string, damaged: string, filesOf: () => Record<string, Bytes>, mutate: Mutate): Target {
  const directory = once(() => directoryOf(filesOf()));
  return {
    name: `model/${name}`,
    extension: damaged.slice(damaged.lastIndexOf(".") + 1),
    samples: once(() => [filesOf()[damaged]]),
    mutate,
    async read(bytes) {
      Deno.writeFileSync(`${directory()}/${damaged}`, bytes);
      using _model = await VQModel.fromPretrained(directory(), { device: "wasm", threads: 1 });
    },
  };
}

/** Files of a model of the fixtures. */
function files(model: string, names: readonly string[], folder = ""): Record<string, Bytes> {
  return Object.fromEntries(names.map((name) => [folder + name, fixture(`golden/${model}/${name}`)]));
}

/** A pipeline with a model in a folder. */
function pipeline(): Record<string, Bytes> {
  const index = {
    _class_name: "AmusedPipeline",
    scheduler: ["diffusers", "AmusedScheduler"],
    text_encoder: ["transformers", "CLIPTextModelWithProjection"],
    vqvae: ["diffusers", "VQModel"],
  };
  return {
    ...files("tiny-amused", ["config.json", WEIGHTS], "vqvae/"),
    "model_index.json": new TextEncoder().encode(JSON.stringify(index)),
  };
}

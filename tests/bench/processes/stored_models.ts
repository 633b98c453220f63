/** Models with generated weights on disk: as Diffusers saves them, and as ONNX. */
import { join } from "@std/path";
import { writeSafetensors } from "../../../hub/mod.ts";
import { loadReal } from "../../support/golden.ts";
import { loadRecipe, syntheticTensor } from "../../support/synthetic.ts";
import { type Pass, passesOf } from "../models.ts";
import { exportOnnx } from "../onnx_export.ts";

/** What a half of a model computes, with the file of its network and the shape of its input. */
export interface StoredPass {
  readonly onnx: string;
  readonly shape: readonly number[];
}

/** Where the files of a model are. */
export interface StoredModel {
  readonly model: string;
  /** The directory that `fromPretrained` takes. */
  readonly directory: string;
  readonly encode: StoredPass;
  readonly decode: StoredPass;
}

/** Writes what is missing of a model's files for a batch of square pictures, and puts all into the page cache. */
export async function storeModel(folder: string, model: string, side: number, batch = 1): Promise<StoredModel> {
  const directory = join(folder, model);
  await Deno.mkdir(directory, { recursive: true });
  await writeOnce(join(directory, "diffusion_pytorch_model.safetensors"), (path) => writeCheckpoint(path, model));
  await writeOnce(join(directory, "config.json"), (path) => {
    return Deno.writeTextFile(path, JSON.stringify(loadReal(model).config));
  });
  const passes = passesOf(model, side, batch);
  const store = async (name: Pass["name"]) => {
    const { graph, values } = passes.find((pass) => pass.name === name)!;
    const onnx = join(folder, `${model}-${name}-${batch}x${side}.onnx`);
    await writeOnce(onnx, (path) => Deno.writeFile(path, exportOnnx(graph, values)));
    return { onnx, shape: graph.nodes[0].shape };
  };
  return { model, directory, encode: await store("encode"), decode: await store("decode") };
}

async function writeCheckpoint(path: string, model: string): Promise<void> {
  const recipe = loadRecipe(model);
  const tensors = Object.entries(recipe.tensors).map(([name, { shape }]) => {
    return { name, shape, dtype: "F32", data: () => syntheticTensor(name, shape, recipe) };
  });
  await writeSafetensors(path, tensors);
}

async function writeOnce(path: string, write: (path: string) => Promise<void>): Promise<void> {
  const partial = `${path}.part`;
  if (!await Deno.stat(path).catch(() => undefined)) {
    await write(partial);
    await Deno.rename(partial, path);
  }
  const file = await Deno.open(path);
  for await (const _ of file.readable); // into the page cache
}

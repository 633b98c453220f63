/** Models in lists of files. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { HubError, Tensor, VQModel } from "../../../mod.ts";
import { assertSameCodes, loadGolden } from "../../support/golden.ts";
import { ANY_DEVICE } from "../../support/engines.ts";

const { config, directory, integers, tensor } = loadGolden("tiny-sharded");
const { data, shape } = tensor("sample");

/** The files of a folder, without the folder. */
function filesOf(folder: string): File[] {
  const names = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile).map(({ name }) => name);
  return names.map((name) => new File([Deno.readFileSync(join(folder, name))], name));
}

Deno.test("a model of files computes what it does from their folder, and reads them again when it is saved", async () => {
  const once = filesOf(directory).values();
  using model = await VQModel.fromFiles(once, { device: ANY_DEVICE });
  assertEquals(model.config.block_out_channels, config.block_out_channels);
  const { indices } = await model.tokenize(new Tensor(data, shape));
  assertSameCodes(indices, integers("indices").data, tensor("margin").data, "tokens");
  assertEquals((await model.codebook()).codes, model.config.num_vq_embeddings);
});

Deno.test("half a model is loaded from files, and unknown options and other things are refused", async () => {
  const files = filesOf(directory);
  using half = await VQModel.fromFiles(files, { device: ANY_DEVICE, only: "encoder" });
  assertEquals(half.only, "encoder");
  await assertRejects(() => VQModel.fromFiles(files, { subfolders: "a" } as never), TypeError, '"subfolder"');
  await assertRejects(() => VQModel.fromFiles({} as never), TypeError, "expected a list of files");
  await assertRejects(() => VQModel.fromFiles([]), HubError, "expected config.json");
  for (
    const [found, missing] of [
      [{}, "configPath, a string; weights.tensors, a Map; weights.read, a function; weights.close, a function"],
      [undefined, "configPath, a string"],
      [{ config: {}, configPath: "config.json", weights: { tensors: new Map() } }, "weights.read, a function"],
    ] as const
  ) {
    const error = await assertRejects(() => VQModel.fromFiles(() => Promise.resolve(found) as never), TypeError);
    assertStringIncludes(error.message, `open must return ModelFiles, which have ${missing}`);
  }
  await assertRejects(() => VQModel.fromFiles(() => Promise.reject(1), { subfolder: "a" } as never), TypeError);
});

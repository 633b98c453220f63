/** Models that are saved into a directory. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { HubError, VQModel } from "../../mod.ts";
import { loadGolden } from "../support/golden.ts";
import { checkpointOf, makeModel, MemoryFiles, picture, take, TINY } from "./models.ts";
import { withFolder } from "../support/folders.ts";
import { type Header, headerOf } from "../support/safetensors.ts";
import { testOnEveryDevice } from "../support/engines.ts";

testOnEveryDevice("a saved model loads again and computes the same", async (device) => {
  await withFolder(async (folder) => {
    const directory = join(folder, "deeper", "still");
    const extra = { _class_name: "VQModel", _diffusers_version: "0.30.0", note: { kept: [1, null] } };
    const files = new MemoryFiles({ ...TINY, ...extra }, checkpointOf(TINY));
    using model = await VQModel.fromFiles(files.opener, { device });
    await model.savePretrained(directory);
    assertEquals(files.open, 0);

    const config = JSON.parse(await Deno.readTextFile(join(directory, "config.json")));
    assertEquals(config, { ...extra, ...model.config });
    assertEquals((await listFolder(directory)).sort(), ["config.json", "diffusion_pytorch_model.safetensors"]);
    const { metadata, entries } = await readHeader(directory);
    assertEquals(metadata, { format: "pt" });
    const shapes = Object.entries(entries).map(([name, { dtype, shape }]) => [name, dtype, shape]);
    assertEquals(shapes.sort(), [...files.checkpoint].map(([name, { shape }]) => [name, "F32", shape]).sort());

    using again = await VQModel.fromPretrained(directory, { device });
    assertEquals(again.config, model.config);
    assertEquals(await outputs(again), await outputs(model));
  });
});

for (const name of ["tiny-f16", "tiny-legacy", "tiny-bin", "tiny-sharded"]) {
  testOnEveryDevice(
    `${name} is saved into the directory it was loaded from, and loads from what was saved`,
    async (device) => {
      await withFolder(async (folder) => {
        const { directory, config } = loadGolden(name);
        for (const file of await listFolder(directory)) await Deno.copyFile(join(directory, file), join(folder, file));
        using model = await VQModel.fromPretrained(folder, { device });
        const expected = await outputs(model);
        await model.savePretrained(folder);
        await model.savePretrained(folder);

        for (const file of await listFolder(folder)) {
          const saved = ["config.json", "diffusion_pytorch_model.safetensors"].includes(file);
          if (!saved) await Deno.remove(join(folder, file));
        }
        assertEquals(JSON.parse(await Deno.readTextFile(join(folder, "config.json"))), config);
        const names = Object.keys((await readHeader(folder)).entries);
        assertEquals(names.filter((name) => /query|key|value|proj_attn/.test(name)), []);
        assert(names.includes("encoder.mid_block.attentions.0.to_q.weight"));
        using again = await VQModel.fromPretrained(folder, { device });
        assertEquals(again.numParameters(), model.numParameters());
        assertEquals(await outputs(again), expected);
      });
    },
  );
}

testOnEveryDevice("a model that is saved again and again does not change", async (device) => {
  await withFolder(async (folder) => {
    using model = await VQModel.fromPretrained(loadGolden("tiny-f4").directory, { device });
    const [first, second] = [join(folder, "first"), join(folder, "second")];
    await model.savePretrained(first);
    using again = await VQModel.fromPretrained(first, { device });
    await again.savePretrained(second);
    for (const file of ["config.json", "diffusion_pytorch_model.safetensors"]) {
      assertEquals(await Deno.readFile(join(second, file)), await Deno.readFile(join(first, file)), file);
    }
  });
});

testOnEveryDevice("saving where there is no place for it is an error, and the model goes on", async (device) => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "file"), "in the way");
    using model = await makeModel(TINY, { device });
    await assertRejects(() => model.savePretrained(join(folder, "file")), HubError, "Cannot");
    await assertRejects(() => model.savePretrained(""), HubError, "expected a path");
    await assertRejects(() => model.savePretrained(join(folder, "none"), { maxShardSize: "1 potato" }), RangeError);
    await Deno.mkdir(join(folder, "taken", "config.json"), { recursive: true });
    await assertRejects(() => model.savePretrained(join(folder, "taken")), HubError, "to be a file");
    const url = toFileUrl(join(folder, "other"));
    await model.savePretrained(`${url}`);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["file", "other", "taken"]);
    assertEquals([...Deno.readDirSync(join(folder, "taken"))].length, 1, "what was there");
    assertEquals([...Deno.readDirSync(url)].length, 2);
  });
});

testOnEveryDevice("saving a model whose files are gone is an error, and writes nothing", async (device) => {
  await withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    using made = await makeModel(TINY, { device });
    await made.savePretrained(from);
    using model = await VQModel.fromPretrained(from, { device });
    await Deno.remove(from, { recursive: true });
    await assertRejects(() => model.savePretrained(to), HubError);
    await assertRejects(() => Deno.stat(to), Deno.errors.NotFound);
  });
});

/** What a model makes of a picture. */
async function outputs(model: VQModel): Promise<unknown[]> {
  using sample = picture(1, model.config.in_channels, 16, 20);
  const { sample: decoded, commitLoss } = await model.forward(sample);
  return [await take(decoded), await take(commitLoss), await model.tokenize(sample)];
}

async function listFolder(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
}

async function readHeader(folder: string): Promise<Header> {
  return headerOf(await Deno.readFile(join(folder, "diffusion_pytorch_model.safetensors")));
}

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { HubError, type ModelChoice, openLocalModel, WeightsError } from "../../../hub/mod.ts";
import { withFolder, writeFiles } from "../../support/folders.ts";
import { floats, pickleOf, push, safetensorsFile, zipFile } from "../files.ts";

type Files = Record<string, string | Uint8Array>;

/** A safetensors file with the tensors that tell a VQ model, and one to know it by. */
function model(value: number): Uint8Array<ArrayBuffer> {
  const names = ["encoder.conv_in.weight", "decoder.conv_in.weight", "a"];
  const header = names.map((name, i) => [name, { dtype: "F32", shape: [1], data_offsets: [4 * i, 4 * i + 4] }]);
  return safetensorsFile(Object.fromEntries(header), floats(0, 0, value));
}

const OTHER = safetensorsFile({ b: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, floats(0));
const YAML = "model:\n  target: taming\n";

async function open(files: Files, options?: ModelChoice): Promise<{ a: number; config: unknown; configPath: string }> {
  return await withFolder(async (folder) => {
    await writeFiles(folder, files);
    const { config, configPath, weights } = await openLocalModel(folder, options);
    const [a] = await weights.read("a");
    await weights.close();
    return { a, config, configPath: configPath.replace(join(folder, ""), "").replaceAll("\\", "/").replace(/^\//, "") };
  });
}

Deno.test("a folder without Diffusers' files may hold one checkpoint of any name", async () => {
  const config = { model: { target: "taming" } };
  assertEquals(await open({ "x.safetensors": model(1) }), { a: 1, config: undefined, configPath: "x.safetensors" });
  assertEquals(
    await open({ "x.safetensors": model(1), "config.yaml": YAML }),
    { a: 1, config, configPath: "config.yaml" },
  );
  assertEquals(
    await open({ "s/x.safetensors": model(1), "s/train.yaml": YAML }, { subfolder: "s" }),
    { a: 1, config, configPath: "s/train.yaml" },
  );
  assertEquals(
    await open({ "model.safetensors": model(1), "config.json": '{"_class_name":"MAGVITv2"}' }),
    { a: 1, config: { _class_name: "MAGVITv2" }, configPath: "config.json" },
  );
});

Deno.test("torch's files are told by any of their names", async () => {
  const tensor = push.tensor(push.storage("FloatStorage", "0", 1), 0, [1], [1]);
  const bytes = await zipFile([
    { name: "archive/data.pkl", data: pickleOf(push.stateDict({ a: tensor })) },
    { name: "archive/data/0", data: floats(5) },
  ]);
  for (const name of ["last.ckpt", "vq.pt", "vq.pth", "pytorch_model.bin"]) {
    assertEquals((await open({ [name]: bytes })).a, 5, name);
  }
});

Deno.test("of several files the one that holds a VQ model is taken, and the option file chooses among several", async () => {
  const files = { "a.safetensors": model(1), "b.safetensors": model(2), "io.safetensors": OTHER, "b.yaml": YAML };
  assertEquals((await open({ "io.safetensors": OTHER, "b.safetensors": model(2) })).a, 2);
  assertEquals((await open(files, { file: "a.safetensors" })).config, undefined);
  assertEquals((await open(files, { file: "b.safetensors" })).config, { model: { target: "taming" } });
  await assertRejects(() => open(files), HubError, "found a.safetensors, b.safetensors. Say which: file: ");
  await assertRejects(() => open(files, { file: "c.ckpt" }), HubError, 'expected the file "c.ckpt" in it');
  await assertRejects(() => open(files, { file: "../a.ckpt" }), HubError, "expected the name of a file");
});

Deno.test("a damaged checkpoint, or configuration, is an error that says so", async () => {
  const files = { "x.ckpt": "PK\x03\x04", "io.safetensors": OTHER };
  await assertRejects(() => open(files), WeightsError, "x.ckpt");
  await assertRejects(() => open({ "x.safetensors": model(1), "x.yaml": "a: [" }), HubError, "expected YAML");
});

Deno.test("of local shards only those with tensors of the VQ model are opened", async () => {
  const inner = (name: string) => `gen_vision_model.${name}`;
  const [first, second] = ["m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"];
  const names = [inner("encoder.conv_in.weight"), inner("decoder.conv_in.weight"), "a"];
  const header = names.map((name, i) => [name, { dtype: "F32", shape: [1], data_offsets: [4 * i, 4 * i + 4] }]);
  const files = {
    [first]: safetensorsFile(Object.fromEntries(header), floats(1, 2, 3)),
    [second]: "no weights at all",
    "m.safetensors.index.json": JSON.stringify({
      weight_map: { ...Object.fromEntries(names.map((name) => [name, first])), "lm.b": second },
    }),
  };
  await withFolder(async (folder) => {
    await writeFiles(folder, files);
    const { weights } = await openLocalModel(folder);
    assertEquals([...weights.tensors.keys()], names);
    assertEquals(weights.unopened, ["lm.b"]);
    await weights.close();
  });
});

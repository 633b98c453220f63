import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  checkFile,
  checkpointNames,
  chooseCheckpoint,
  chooseConfig,
  modelTensors,
} from "../../../hub/models/checkpoint_files.ts";
import { HubError } from "../../../hub/mod.ts";

Deno.test("checkpointNames finds weights of any name, and indices instead of shards", () => {
  const names = ["README.md", "b.ckpt", "a.pt", "c.pth", "d.bin", "e.safetensors", "config.yaml", "config.json"];
  assertEquals(checkpointNames(names), ["a.pt", "b.ckpt", "c.pth", "d.bin", "e.safetensors"]);
  const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  assertEquals(checkpointNames([...shards, "model.safetensors.index.json"]), ["model.safetensors.index.json"]);
  assertEquals(checkpointNames(["m.bin.index.json", "m1.bin", "m2.bin", "n.bin"]), ["m.bin.index.json", "n.bin"]);
});

Deno.test("chooseCheckpoint takes the only candidate, the only one with a model, or the only unreadable one", async () => {
  const choose = (names: string[], ...models: string[]) =>
    chooseCheckpoint(names, (name) => Promise.resolve(models.includes(name)), "folder");
  assertEquals(await choose([]), undefined);
  assertEquals(await choose(["a.pt"]), "a.pt");
  assertEquals(await choose(["a.pt", "b.pt"], "b.pt"), "b.pt");
  const unreadable = (name: string) => Promise.resolve(name === "b.pt" ? undefined : name === "c.pt");
  assertEquals(await chooseCheckpoint(["a.pt", "b.pt"], unreadable, "folder"), "b.pt");
  assertEquals(await chooseCheckpoint(["b.pt", "c.pt"], unreadable, "folder"), "c.pt");
  const message = 'Cannot load folder: expected one checkpoint, found a.pt, b.pt. Say which: file: "a.pt"';
  await assertRejects(() => choose(["a.pt", "b.pt", "c.pt"], "a.pt", "b.pt"), HubError, message);
  await assertRejects(() => choose(["a.pt", "b.pt"]), HubError, message);
});

Deno.test("chooseConfig prefers the checkpoint's own configuration, then config.yaml, then any other", () => {
  const choose = (...names: string[]) => chooseConfig(names, "a.ckpt", "folder");
  assertEquals(choose("a.yaml", "config.yaml", "config.json"), "a.yaml");
  assertEquals(choose("b.yaml", "config.yaml", "config.json"), "config.yaml");
  assertEquals(choose("b.yaml", "config.json"), "config.json");
  assertEquals(choose("b.yaml", "a.ckpt"), "b.yaml");
  assertEquals(choose("a.ckpt"), undefined);
  assertThrows(() => choose("b.yaml", "c.yml"), HubError, "expected one configuration, found b.yaml, c.yml");
});

Deno.test("checkFile keeps a file inside the model's folder", () => {
  const check = (name: string) => checkFile(["model v2.ckpt"], name, "folder");
  assertEquals(check("model v2.ckpt"), "model v2.ckpt");
  assertThrows(() => check("a.ckpt"), HubError, 'expected the file "a.ckpt" in it, found model v2.ckpt');
  for (const name of ["", "..", "../a.ckpt", "a/b.ckpt", "/a.ckpt", "a\\b.ckpt"]) {
    assertThrows(() => check(name), HubError, "expected the name of a file in the model's folder");
  }
});

Deno.test("modelTensors chooses the tensors of the VQ model by its encoder and decoder", () => {
  const model = ["encoder.conv_in.weight", "decoder.conv_in.weight", "quantize.embedding.weight"];
  assertEquals(modelTensors([...model, "loss.a"]), [...model, "loss.a"]);
  const inner = model.map((name) => `gen_vision_model.${name}`);
  assertEquals(modelTensors(["lm.a", ...inner, "vision.encoder.conv_in.weight"]), inner);
  assertEquals(modelTensors(["lm.a", "vision.encoder.conv_in.weight"]), []);
  const encoder = ["vision.encoder.conv_in.weight", "vision.quantize.embedding.weight"];
  assertEquals(modelTensors(["lm.a", ...encoder], "encoder"), encoder);
  assertEquals(modelTensors(["lm.a", ...encoder], "decoder"), []);
});

/** Options of the model: unknown ones are refused, the rest is passed on. */
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { describeReconstruction, Picture, Tensor, VQModel } from "../../mod.ts";
import { withFolder } from "../support/folders.ts";
import { checkpointOf, makeModel, MemoryFiles, picture, TINY } from "./models.ts";

const GRAY = new Picture(8, 8, new Uint8ClampedArray(4 * 64));
const MODEL = new URL("../../examples/models/leaves-f4", import.meta.url);

async function refusal(call: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(call, TypeError)).message;
}

Deno.test("an unknown option is an error that names the nearest known one", async () => {
  using model = await makeModel(TINY, { device: "wasm", threads: 1 });
  using sample = picture(1, 3, 8, 8);
  using latents = (await model.encode(sample)).latents;
  const tokens = await model.tokenize(sample);
  const calls: [known: string, unknown: object, call: (options: never) => Promise<unknown>][] = [
    ["dtype", { dytpe: "float16" }, (options) => VQModel.fromPretrained(MODEL, options)],
    ["localFilesOnly", { local_files_only: true }, (options) => VQModel.fromPretrained(MODEL, options)],
    ["memoryLimit", { memory_limit: 1e9 }, (options) => makeModel(TINY, options)],
    ["returnDict", { return_dict: false }, (options) => model.encode(sample, options)],
    ["signal", { singal: undefined, signl: 1 }, (options) => model.quantize(latents, options)],
    ["forceNotQuantize", { force_not_quantize: true }, (options) => model.decode(latents, options)],
    ["returnDict", { returndict: false }, (options) => model.forward(sample, options)],
    ["onProgress", { onprogress: () => {} }, (options) => model.tokenize(sample, options)],
    ["onProgress", { on_progress: () => {} }, (options) => model.detokenize(tokens, options)],
    ["rounds", { round: 1 }, (options) => model.profile(sample, options)],
    ["shape", { shap: [1, 3, 8, 8] }, (options) => model.tune(options)],
    ["method", { shape: [1, 3, 8, 8], methods: "encode" }, (options) => Promise.try(() => model.memory(options))],
    ["maxShardSize", { max_shard_size: "1GB" }, (options) => model.savePretrained("/never/written", options)],
    ["codes", { tokens, code: 8 }, (options) => Promise.try(() => describeReconstruction(GRAY, GRAY, options))],
    ["commitMessage", { commit_message: "x" }, (options) => model.pushToHub("owner/name", options)],
    ["maxShardSize", { maxShardsize: "1GB" }, (options) => model.pushToHub("owner/name", options)],
  ];
  for (const [known, unknown, call] of calls) {
    const [name] = Object.entries(unknown).findLast(([, value]) => value !== undefined)!;
    const message = await refusal(() => call(unknown as never));
    assertStringIncludes(message, `unknown option "${name}"; did you mean "${known}"?`);
  }
});

Deno.test("an option that resembles no known one is an error that lists them, before anything is loaded", async () => {
  const files = new MemoryFiles(TINY, checkpointOf(TINY));
  const message = await refusal(() => VQModel.fromFiles(files.opener, { xyz: 1 } as never));
  assertStringIncludes(message, 'Cannot load model: unknown option "xyz"; expected one of device, threads, dtype');
  assertEquals(files.open, 0);
});

Deno.test("null is no options object", async () => {
  using model = await makeModel(TINY, { device: "wasm", threads: 1 });
  const sample = picture(1, 3, 8, 8);
  for (const call of [() => model.encode(sample, null as never), () => VQModel.fromPretrained(MODEL, null as never)]) {
    assertStringIncludes(await refusal(call as () => Promise<unknown>), "expected an object of options, found null");
  }
  assertThrows(() => model.memory(null as never), TypeError, "expected an object of options, found null");
});

Deno.test("memoryLimit is an option of loading, checked before anything is loaded", async () => {
  const config = { ...TINY, mid_block_add_attention: false };
  using unlimited = await makeModel(config, { device: "wasm", threads: 1 });
  assertEquals(unlimited.memoryLimit, undefined);
  const { peak, weights } = unlimited.memory({ shape: [1, 3, 128, 128] });
  const memoryLimit = weights + Math.ceil(0.9 * (peak - weights));

  const files = new MemoryFiles(config, checkpointOf(config));
  using model = await VQModel.fromFiles(files.opener, { device: "wasm", threads: 1, memoryLimit });
  assertEquals(model.memoryLimit, memoryLimit);
  assertEquals(model.memory({ shape: [1, 3, 128, 128] }).peak <= memoryLimit, true);

  for (const wrong of [0, -1, NaN, "1e9", null] as number[]) {
    const load = () => VQModel.fromFiles(files.opener, { memoryLimit: wrong });
    await assertRejects(load, RangeError, "memoryLimit must be a number of bytes > 0");
  }
  assertEquals(files.open, 0);
});

Deno.test("options for files, computing and saving are passed on", async () => {
  await withFolder(async (folder) => {
    using model = await VQModel.fromPretrained(MODEL, {
      device: "wasm",
      threads: 1,
      cacheDir: folder,
      memoryLimit: 1e9,
    });
    await model.savePretrained(folder, { maxShardSize: 200_000 });
    const shards = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".safetensors"));
    assertEquals(shards.length > 1, true);
    using sample = new Tensor(new Float32Array(3 * 16 * 16), [1, 3, 16, 16]);
    using again = await VQModel.fromPretrained(folder, { device: "wasm", threads: 1 });
    assertEquals(await again.tokenize(sample), await model.tokenize(sample));
  });
});

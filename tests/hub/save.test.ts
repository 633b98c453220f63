import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { openLocalModel, saveLocalModel, type SaveOptions, type TensorToWrite } from "../../hub/mod.ts";

/** Tensors of so many float32 numbers, in an order that is not that of their names. */
function tensors(...sizes: number[]): TensorToWrite[] {
  return sizes.map((size, i) => ({
    name: `${"cabde"[i]}.weight`,
    dtype: "F32",
    shape: [size],
    data: () => new Float32Array(size).fill(i),
  }));
}

/** What is in a folder after the tensors were saved there. */
async function saved(folder: string, list: TensorToWrite[], options?: SaveOptions): Promise<string[]> {
  await saveLocalModel(folder, "{}", list, options);
  const { weights } = await openLocalModel(folder);
  for (const { name, data } of list) assertEquals(await weights.read(name), await data() as Float32Array<ArrayBuffer>);
  assertEquals(weights.tensors.size, list.length);
  await weights.close();
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  await use(folder).finally(() => Deno.remove(folder, { recursive: true }));
}

const SINGLE = "diffusion_pytorch_model.safetensors";
const INDEX = "diffusion_pytorch_model.safetensors.index.json";
const shard = (i: number, of: number) => `diffusion_pytorch_model-0000${i}-of-0000${of}.safetensors`;

Deno.test("saveLocalModel writes one file unless that would be too large", () =>
  withFolder(async (folder) => {
    assertEquals(await saved(folder, tensors(10, 20, 30)), ["config.json", SINGLE]);
    assertEquals(await saved(folder, tensors(10, 20, 30), { maxShardSize: 240 }), ["config.json", SINGLE]);
    assertEquals(await saved(folder, []), ["config.json", SINGLE]);
  }));

Deno.test("saveLocalModel splits weights, and writes their index, as Diffusers does", () =>
  withFolder(async (folder) => {
    const names = await saved(folder, tensors(10, 20, 300, 30, 40), { maxShardSize: "0.12KB" });
    // One that is too large gets a file of its own at once; what was begun before it goes on.
    assertEquals(names, ["config.json", ...[1, 2, 3, 4].map((i) => shard(i, 4)), INDEX].sort());
    assertEquals(
      await Deno.readTextFile(join(folder, INDEX)),
      `{
  "metadata": {
    "total_size": 1600
  },
  "weight_map": {
    "a.weight": "${shard(2, 4)}",
    "b.weight": "${shard(1, 4)}",
    "c.weight": "${shard(2, 4)}",
    "d.weight": "${shard(4, 4)}",
    "e.weight": "${shard(3, 4)}"
  }
}
`,
    );
  }));

Deno.test("saveLocalModel leaves nothing of an earlier model that would be loaded instead", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "README.md"), "");
    await saved(folder, tensors(10, 20, 30));
    const three = await saved(folder, tensors(10, 20, 30), { maxShardSize: 120 });
    assertEquals(three, ["README.md", "config.json", shard(1, 2), shard(2, 2), INDEX].sort());
    assertEquals(await saved(folder, tensors(10)), ["README.md", "config.json", SINGLE]);
  }));

Deno.test("saveLocalModel refuses what is no size", () =>
  withFolder(async (folder) => {
    for (const maxShardSize of [0, -1, NaN, "5 apples", "GB", ""]) {
      await assertRejects(() => saveLocalModel(folder, "{}", [], { maxShardSize }), RangeError, 'a text like "5GB"');
    }
  }));

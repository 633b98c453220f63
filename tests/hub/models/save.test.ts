import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { HubError, openLocalModel, saveLocalModel, type SaveOptions, type TensorToWrite } from "../../../hub/mod.ts";
import { withFolder } from "../../support/folders.ts";

/** Tensors with these numbers of float32 elements, not in the order of their names. */
function tensors(...sizes: number[]): TensorToWrite[] {
  return sizes.map((size, i) => ({
    name: `${"cabde"[i]}.weight`,
    dtype: "F32",
    shape: [size],
    data: () => new Float32Array(size).fill(i),
  }));
}

/** The files of a folder after the tensors were saved there. */
async function saved(folder: string, list: TensorToWrite[], options?: SaveOptions): Promise<string[]> {
  await saveLocalModel(folder, "{}", list, options);
  const { weights } = await openLocalModel(folder);
  for (const { name, data } of list) assertEquals(await weights.read(name), await data() as Float32Array<ArrayBuffer>);
  assertEquals(weights.tensors.size, list.length);
  await weights.close();
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

const SINGLE = "diffusion_pytorch_model.safetensors";
const INDEX = "diffusion_pytorch_model.safetensors.index.json";
const shard = (i: number, of: number) => `diffusion_pytorch_model-0000${i}-of-0000${of}.safetensors`;

Deno.test("saveLocalModel writes one file unless it would be too large", () =>
  withFolder(async (folder) => {
    assertEquals(await saved(folder, tensors(10, 20, 30)), ["config.json", SINGLE]);
    assertEquals(await saved(folder, tensors(10, 20, 30), { maxShardSize: 240 }), ["config.json", SINGLE]);
    assertEquals(await saved(folder, []), ["config.json", SINGLE]);
  }));

Deno.test("saveLocalModel splits weights, and writes their index, as Diffusers does", () =>
  withFolder(async (folder) => {
    const names = await saved(folder, tensors(10, 20, 300, 30, 40), { maxShardSize: "0.12KB" });
    // One that is too large gets a file of its own at once; the file begun before it is continued.
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

Deno.test("saveLocalModel removes files of an earlier model that would be loaded instead", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "README.md"), "");
    await saved(folder, tensors(10, 20, 30));
    const three = await saved(folder, tensors(10, 20, 30), { maxShardSize: 120 });
    assertEquals(three, ["README.md", "config.json", shard(1, 2), shard(2, 2), INDEX].sort());
    assertEquals(await saved(folder, tensors(10)), ["README.md", "config.json", SINGLE]);
  }));

Deno.test("saveLocalModel refuses invalid sizes", () =>
  withFolder(async (folder) => {
    for (const maxShardSize of [0, -1, NaN, "5 apples", "GB", ""]) {
      await assertRejects(() => saveLocalModel(folder, "{}", [], { maxShardSize }), RangeError, 'a text like "5GB"');
    }
  }));

/** A model with the same number in its configuration and all its tensors. */
async function saveNumbered(folder: string, number: number, options?: SaveOptions): Promise<void> {
  const list = tensors(10, 20, 30).map((tensor, i) => ({
    ...tensor,
    data: () => new Float32Array(10 * i + 10).fill(number),
  }));
  await saveLocalModel(folder, JSON.stringify({ number }), list, options);
}

/** The number of the model in a folder, which must be complete. */
async function numberIn(folder: string): Promise<number> {
  const { config, weights } = await openLocalModel(folder);
  try {
    const { number } = config as { number: number };
    for (const name of weights.tensors.keys()) {
      assertEquals(new Set(await weights.read(name)), new Set([number]));
    }
    return number;
  } finally {
    await weights.close();
  }
}

const SHARDED: SaveOptions = { maxShardSize: 120 };
const LEFT = ["config.json", ...[1, 2].map((i) => shard(i, 2)), INDEX].sort();

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("after concurrent saves, the last model is there as a whole", () =>
  withFolder(async (folder) => {
    await Promise.all([1, 2, 3, 4].map((number) => saveNumbered(folder, number, number % 2 ? {} : SHARDED)));
    const number = await numberIn(folder);
    assertEquals(namesIn(folder), number % 2 ? ["config.json", SINGLE] : LEFT);
  }));

Deno.test("opening a model during a save gives one of both, or an error", () =>
  withFolder(async (folder) => {
    await saveNumbered(folder, 0, SHARDED);
    let isSaving = true;
    const outcomes: string[] = [];
    async function openAgainAndAgain(): Promise<void> {
      while (isSaving) outcomes.push(await numberIn(folder).then(() => "opened", (error) => error.message));
    }
    const opening = openAgainAndAgain();
    for (let number = 1; number <= 30; number++) await saveNumbered(folder, number, number % 3 ? SHARDED : {});
    isSaving = false;
    await opening;
    assert(outcomes.includes("opened"));
    assertEquals(outcomes.filter((outcome) => !/^opened|still goes on|saved there meanwhile/.test(outcome)), []);
  }));

Deno.test("a save that fails leaves only the old model", () =>
  withFolder(async (folder) => {
    await saveNumbered(folder, 1, SHARDED);
    const failing = tensors(10, 20, 30);
    failing[2].data = () => Promise.reject(new Error("device lost"));
    await assertRejects(() => saveLocalModel(folder, "{}", failing, SHARDED), Error, "device lost");
    assertEquals([await numberIn(folder), namesIn(folder)], [1, LEFT]);

    await Deno.mkdir(join(folder, SINGLE));
    await assertRejects(() => saveNumbered(folder, 2), HubError, `Cannot save to ${folder}: `);
    await Deno.remove(join(folder, SINGLE));
    assertEquals([await numberIn(folder), namesIn(folder)], [1, LEFT]);
  }));

Deno.test("a process that was suspended while saving changes nothing in what another one saved", () =>
  withFolder(async (folder) => {
    await saveNumbered(folder, 1, SHARDED);
    const list = tensors(10, 20, 30);
    let wakeUp = () => {};
    const sleeping = new Promise<void>((resolve) => {
      list[2].data = async () => {
        resolve();
        await new Promise<void>((wake) => wakeUp = wake);
        return new Float32Array(30);
      };
    });
    const saving = assertRejects(() => saveLocalModel(folder, "{}", list, SHARDED), HubError, "was taken over");
    await sleeping;
    await Deno.remove(join(folder, ".vqmodel-save.lock")); // as a process that waited for too long does
    await saveNumbered(folder, 2, SHARDED);
    wakeUp();
    await saving;
    assertEquals([await numberIn(folder), namesIn(folder)], [2, LEFT]);
  }));

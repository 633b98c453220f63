import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type ByteSource, openWeights, sourceOfBytes, WeightsError } from "../../../hub/mod.ts";
import { parseShardIndex } from "../../../hub/formats/shards.ts";
import { bytesOf, floats, pickleOf, push, safetensorsFile, torchFile } from "../files.ts";

/** Files in memory that record which of them are open. */
class Files {
  readonly open = new Set<string>();
  readonly #files: Record<string, Uint8Array>;

  constructor(files: Record<string, Uint8Array>) {
    this.#files = files;
  }

  readonly opener = (name: string): Promise<ByteSource> => {
    const bytes = this.#files[name];
    if (!bytes) return Promise.reject(new WeightsError(`Cannot open ${name}: ENOENT`));
    this.open.add(name);
    const close = () => Promise.resolve(void this.open.delete(name));
    return Promise.resolve({ ...sourceOfBytes(bytes, name), close });
  };
}

function index(files: Record<string, unknown>): Uint8Array {
  return bytesOf(JSON.stringify({ metadata: { total_size: 1 }, weight_map: files }));
}

/** A file with scalars: the first is 1, the next 2. */
function scalars(...names: string[]): Uint8Array {
  const header = names.map((name, i) => [name, { dtype: "F32", shape: [], data_offsets: [4 * i, 4 * i + 4] }]);
  return safetensorsFile(Object.fromEntries(header), floats(...names.map((_, i) => i + 1)));
}

async function refuses(files: Record<string, Uint8Array>, message: string): Promise<void> {
  const disk = new Files(files);
  await assertRejects(() => openWeights(Object.keys(files)[0], disk.opener), WeightsError, message);
  assertEquals([...disk.open], []);
}

Deno.test("openWeights reads the shards of an index as one source", async () => {
  const storage = push.storage("FloatStorage", "0", 1);
  const torch = await torchFile(pickleOf(push.stateDict({ c: push.tensor(storage, 0, [], []) })), { 0: floats(3) });
  const disk = new Files({
    "index.json": index({ a: "1.safetensors", c: "2.bin" }),
    "1.safetensors": scalars("a", "b"),
    "2.bin": torch,
  });
  const weights = await openWeights("index.json", disk.opener);
  assertEquals([...weights.tensors.keys()], ["a", "b", "c"]);
  assertEquals(weights.tensors.get("c"), { dtype: "F32", shape: [] });
  for (const [i, name] of ["a", "b", "c"].entries()) assertEquals(await weights.read(name), Float32Array.of(i + 1));
  await assertRejects(() => weights.read("d"), WeightsError, "Cannot read tensor d: index.json does not hold it");
  const target = new Uint8Array(4);
  await weights.stored!("b")!.readInto(target, 0);
  assertEquals(target, floats(2));
  assertEquals(weights.stored!("c"), undefined, "a torch file says where bytes are only once they are unpacked");
  assertEquals([...disk.open], ["1.safetensors", "2.bin"]);
  await weights.close();
  assertEquals([...disk.open], []);
});

Deno.test("openWeights refuses shards that do not match their index, and closes all of them", async () => {
  await refuses(
    { "index.json": index({ a: "1.safetensors", b: "2.safetensors" }), "1.safetensors": scalars("a") },
    "Cannot use shard 2.safetensors, which index.json names: Cannot open 2.safetensors: ENOENT",
  );
  await refuses(
    { "index.json": index({ a: "1.safetensors", b: "1.safetensors" }), "1.safetensors": scalars("a") },
    "Cannot use shard 1.safetensors: it lacks tensor b, which index.json says it holds",
  );
  await refuses(
    {
      "index.json": index({ a: "1.safetensors", b: "2.safetensors" }),
      "1.safetensors": scalars("a"),
      "2.safetensors": scalars("b", "a"),
    },
    "1.safetensors and 2.safetensors both hold tensor a",
  );
  await refuses(
    { "index.json": index({ a: "1.safetensors" }), "1.safetensors": bytesOf("too short") },
    "Cannot use shard 1.safetensors, which index.json names: Cannot read 1.safetensors",
  );
});

Deno.test("openWeights refuses an invalid index", async () => {
  await refuses({ "index.json": bytesOf("{") }, "Cannot read index.json: expected JSON in UTF-8");
  await refuses({ "index.json": bytesOf("[]") }, "expected an object weight_map in it");
  await refuses({ "index.json": index({ a: "index.json" }) }, "Cannot use shard index.json");
});

Deno.test("parseShardIndex refuses files that are not directly beside the index", () => {
  const parse = (file: unknown) => () => parseShardIndex({ weight_map: { a: file } }, "index.json");
  for (const file of ["", ".", "..", "../a", "/a", "a/b", "a\\b", "C:a", "a\0", "\x1b[2J", "a".repeat(256), 1, null]) {
    assertThrows(parse(file), WeightsError, "expected the name of a file beside it for tensor a");
  }
});

Deno.test("an index may have a thousand files, but no deeper nesting or larger size than regular ones", async () => {
  const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`tensor ${i}`, `${i}.safetensors`]));
  await refuses({ "index.json": index(many) }, "Cannot read index.json: expected at most 1000 files, found 1001");
  const deep = `{"weight_map": {}, "metadata": ${"[".repeat(10_000)}${"]".repeat(10_000)}}`;
  await refuses({ "index.json": bytesOf(deep) }, "Cannot read index.json: expected JSON nested at most 64 deep");
});

Deno.test("openWeights recognizes a Git LFS pointer", async () => {
  const pointer = bytesOf("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  await refuses({ "a.safetensors": pointer }, "it is a Git LFS pointer, not the file. Run: git lfs pull");
  await refuses({ "a.bin": pointer }, "Git LFS pointer");
});

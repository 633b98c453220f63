/** `tokenizeDataset` and `tokenizeShard`: the same tokens as of single calls, whatever the batch, engines and shards. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  type DatasetProgress,
  type DatasetSource,
  decodeRecords,
  fileSink,
  folderSink,
  openSource,
  parseManifest,
  tokenizeDataset,
  tokenizeShard,
  type TokenRecord,
  verifyTokenSet,
} from "../../datasets/mod.ts";
import { ImageProcessor, VQModel } from "../../mod.ts";
import { withFolder } from "../support/folders.ts";
import { contentOf, CORRUPT, LEAVES, numbered, writePictures } from "./pictures.ts";

const open = (threads?: number) => VQModel.fromPretrained(LEAVES, { device: "wasm", threads });

/** A source of pictures in memory, by shard and key. */
function sourceOf(shards: Record<string, Record<string, Uint8Array<ArrayBuffer>>>): DatasetSource {
  return {
    shards: Object.entries(shards).map(([name, pictures]) => ({
      name,
      async *open() {
        for (const [key, bytes] of Object.entries(pictures)) {
          yield { key, name: `${name}/${key}.png`, bytes: () => Promise.resolve(bytes) };
        }
      },
    })),
  };
}

async function recordsOf(path: string): Promise<TokenRecord[]> {
  return await Array.fromAsync(decodeRecords(path));
}

/** Pictures of two sizes in three shards. */
const MIXED = {
  a: { one: numbered(1), two: numbered(2, 48), three: numbered(3) },
  b: { four: numbered(4, 48), five: numbered(5), six: numbered(6), seven: numbered(7, 48) },
  c: { eight: numbered(8) },
};

Deno.test("the tokens of a data set are those of single calls, whatever the batch and the engines", async () => {
  using model = await open();
  using alone = await open(1);
  const processor = ImageProcessor.for(model);
  await withFolder(async (folder) => {
    const contents = [];
    for (const [models, batch] of [[model, 1], [[model, alone], 2], [alone, 5]] as const) {
      const out = join(folder, `${batch}`);
      await tokenizeDataset(models, sourceOf(MIXED), folderSink(out), { batch });
      contents.push(await contentOf(out));
    }
    assertEquals(contents[1], contents[0]);
    assertEquals(contents[2], contents[0]);
    for (const [shard, pictures] of Object.entries(MIXED)) {
      const records = await recordsOf(join(folder, "1", `${shard}.tar`));
      assertEquals(records.map(({ key }) => key), Object.keys(pictures));
      for (const [i, bytes] of Object.values(pictures).entries()) {
        using sample = await processor.preprocess(bytes);
        const { indices, shape: [, h, w] } = await model.tokenize(sample);
        assertEquals(records[i].indices, indices);
        assertEquals(records[i].shape, [h, w]);
        assertEquals([records[i].height, records[i].width], sample.shape.slice(2));
        const hash = await crypto.subtle.digest("SHA-256", bytes);
        assertEquals(records[i].sha256, new Uint8Array(hash).toHex());
      }
    }
  });
});

Deno.test("mirrored pictures are recorded beside the others, with the tokens of the mirrored picture", async () => {
  using model = await open();
  await withFolder(async (folder) => {
    const path = join(folder, "out.jsonl");
    await tokenizeDataset(model, sourceOf(MIXED), fileSink(path, { format: "jsonl" }), {
      augment: "hflip",
      height: 16,
      width: 32,
    });
    const records = await recordsOf(path);
    assertEquals(records.slice(0, 4).map(({ key }) => key), ["one", "one_hflip", "two", "two_hflip"]);
    assertEquals(
      records.map(({ augment }) => augment),
      Array.from({ length: 16 }, (_, i) => i % 2 ? "hflip" : undefined),
    );

    const processor = ImageProcessor.for(model);
    using sample = await processor.preprocess(MIXED.a.one, { height: 16, width: 32 });
    const [picture] = await processor.postprocess(sample);
    const rows = Array.from({ length: 16 }, (_, y) => [...picture.data.subarray(128 * y, 128 * (y + 1))]);
    const mirrored = rows.flatMap((row) =>
      Array.from({ length: 32 }, (_, x) => row.slice(4 * (31 - x), 4 * (32 - x))).flat()
    );
    using flipped = await processor.preprocess({ width: 32, height: 16, data: Uint8Array.from(mirrored) });
    assertEquals(records[1].indices, (await model.tokenize(flipped)).indices);
  });
});

Deno.test("failures are counted, recorded and retried alone", async () => {
  using model = await open();
  await withFolder(async (folder) => {
    const pictures: Record<string, Uint8Array<ArrayBuffer>> = {
      a: numbered(1),
      b: CORRUPT,
      c: numbered(3),
      d: CORRUPT,
    };
    const source = sourceOf({ first: pictures, second: { e: numbered(5) } });
    const whole = sourceOf({
      first: { a: numbered(1), b: numbered(2), c: numbered(3), d: numbered(4) },
      second: { e: numbered(5) },
    });
    for (
      const [sink, failures] of [
        [folderSink(join(folder, "out")), join(folder, "out", "failures.jsonl")],
        [fileSink(join(folder, "out.tar"), { format: "tar" }), join(folder, "out.tar.failures.jsonl")],
      ] as const
    ) {
      Object.assign(pictures, { b: CORRUPT, d: CORRUPT });
      const progress: DatasetProgress[] = [];
      await tokenizeDataset(model, source, sink, { onProgress: (now) => progress.push(now) });
      assertEquals(progress.at(-1)!.failures, 2);
      const lines = (await Deno.readTextFile(failures)).trimEnd().split("\n").map((line) => JSON.parse(line));
      assertEquals(lines.map(({ key, name }) => [key, name]), [["b", "first/b.png"], ["d", "first/d.png"]]);
      assertStringIncludes(lines[0].reason, "Cannot decode picture");

      const before = await tokenizeDataset(model, source, sink);
      assertEquals(before.shards.map(({ failures }) => failures).reduce((a, b) => a + b), 2);
      pictures.b = numbered(2);
      await tokenizeDataset(model, source, sink, { retryFailures: true });
      pictures.d = numbered(4);
      const after = await tokenizeDataset(model, source, sink, { retryFailures: true });
      assertEquals(after.shards.map(({ failures }) => failures).reduce((a, b) => a + b), 0);
      await assertRejects(() => Deno.stat(failures), Deno.errors.NotFound);
    }
    await tokenizeDataset(model, whole, folderSink(join(folder, "ref")));
    await tokenizeDataset(model, whole, fileSink(join(folder, "ref.tar"), { format: "tar" }));
    assertEquals(await contentOf(join(folder, "out")), await contentOf(join(folder, "ref")));
    assertEquals(await Deno.readFile(join(folder, "out.tar")), await Deno.readFile(join(folder, "ref.tar")));
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      ...["out", "out.tar", "out.tar.manifest.json", "ref", "ref.tar", "ref.tar.manifest.json"],
    ]);
  });
});

Deno.test("shards that workers make one by one are those of one call", async () => {
  using model = await open();
  await withFolder(async (folder) => {
    await tokenizeDataset(model, sourceOf(MIXED), folderSink(join(folder, "one")));
    const sink = folderSink(join(folder, "many"));
    const source = sourceOf(MIXED);
    await Promise.all(["c", "a", "b", "a"].map((name) => tokenizeShard(model, source, sink, name)));
    const { ino } = await Deno.stat(join(folder, "many", "a.tar"));
    const entry = await tokenizeShard(model, source, sink, "a");
    assertEquals(entry.pictures, 3);
    assertEquals((await Deno.stat(join(folder, "many", "a.tar"))).ino, ino);
    await assertRejects(() => tokenizeShard(model, source, sink, "d"), RangeError, "has no shard of that name");
    await tokenizeDataset(model, source, sink);
    assertEquals(await contentOf(join(folder, "many")), await contentOf(join(folder, "one")));
  });
});

Deno.test("tokens of a picture whose key is that of another mirrored one are not lost", async () => {
  using model = await open();
  await withFolder(async (folder) => {
    const source = sourceOf({ a: { x: numbered(1), x_hflip: CORRUPT } });
    await tokenizeDataset(model, source, folderSink(folder), { augment: "hflip" });
    const whole = sourceOf({ a: { x: numbered(1), x_hflip: numbered(2) } });
    await tokenizeDataset(model, whole, folderSink(folder), { augment: "hflip", retryFailures: true });
    const keys = (await recordsOf(join(folder, "a.tar"))).map(({ key }) => key);
    assertEquals(keys, ["x", "x_hflip", "x_hflip-2", "x_hflip-2_hflip"]);

    const same = sourceOf({ a: { x: numbered(1) }, b: { x: numbered(2) } });
    const path = join(folder, "t.jsonl");
    await tokenizeDataset(model, same, fileSink(path, { format: "jsonl" }), { augment: "hflip" });
    assertEquals((await recordsOf(path)).map(({ key }) => key), ["x", "x_hflip", "x-2", "x-2_hflip"]);
  });
});

Deno.test("tokens made otherwise, other pictures and foreign files are refused", async () => {
  using model = await open();
  await withFolder(async (folder) => {
    const pictures = join(folder, "pictures");
    const sink = folderSink(join(folder, "out"));
    await writePictures(pictures, 3);
    await tokenizeDataset(model, await openSource([pictures]), sink, { height: 16, width: 16 });
    const content = await contentOf(join(folder, "out"));
    const refused = async (options: Parameters<typeof tokenizeDataset>[3], message: string) => {
      const source = await openSource([pictures]);
      await assertRejects(() => tokenizeDataset(model, source, sink, options), RangeError, message);
      assertEquals(await contentOf(join(folder, "out")), content);
    };
    await refused({ height: 16, width: 32 }, "width is 16 there and 32 now");
    await refused({ height: 16, width: 16, resample: "box" }, 'resample is "lanczos" there and "box" now');
    await refused({ height: 16, width: 16, augment: "hflip" }, "augment is undefined there");
    await refused({ height: 16, width: 16, dtype: "int64" }, 'dtype is "uint16" there and "int64" now');
    await tokenizeDataset(model, await openSource([pictures]), sink, { height: 16, width: 16, resample: "lanczos" });
    await Deno.writeFile(join(pictures, "new.png"), numbered(9));
    const source = await openSource([pictures]);
    const again = () => tokenizeDataset(model, source, sink, { height: 16, width: 16 });
    await assertRejects(again, RangeError, "it holds those of other pictures");

    await Deno.mkdir(join(folder, "foreign"));
    await Deno.writeTextFile(join(folder, "foreign", "000000.tar"), "mine");
    const foreign = folderSink(join(folder, "foreign"));
    await assertRejects(
      () => tokenizeDataset(model, source, foreign),
      RangeError,
      "it holds 000000.tar and no manifest",
    );
    const archive = fileSink(join(folder, "foreign", "000000.tar"), { format: "tar" });
    await assertRejects(() => tokenizeDataset(model, source, archive), RangeError, "no 000000.tar.manifest.json");
    assertEquals(await contentOf(join(folder, "foreign")), { "000000.tar": new TextEncoder().encode("mine").toHex() });
  });
});

Deno.test("a finished shard of another size is made anew, with verify also one of another content", async () => {
  using model = await open();
  await withFolder(async (folder) => {
    const out = join(folder, "out");
    await tokenizeDataset(model, sourceOf(MIXED), folderSink(out));
    const expected = await contentOf(out);
    await Deno.truncate(join(out, "a.tar"), 100);
    await Deno.remove(join(out, "c.tar"));
    await tokenizeDataset(model, sourceOf(MIXED), folderSink(out));
    assertEquals(await contentOf(out), expected);

    const bytes = await Deno.readFile(join(out, "b.tar"));
    bytes[600] ^= 1;
    await Deno.writeFile(join(out, "b.tar"), bytes);
    await tokenizeDataset(model, sourceOf(MIXED), folderSink(out));
    assertEquals(await Deno.readFile(join(out, "b.tar")), bytes);
    await tokenizeDataset(model, sourceOf(MIXED), folderSink(out), { verify: true });
    assertEquals(await contentOf(out), expected);
    const manifest = parseManifest(await Deno.readFile(join(out, "manifest.json")), "manifest.json");
    assertEquals(manifest.shards.map(({ pictures, tokens }) => [pictures, tokens]), [[3, 272], [4, 416], [1, 64]]);
  });
});

Deno.test("an aborted call leaves whole shards only, which the next call continues", async () => {
  using model = await open();
  await withFolder(async (folder) => {
    const out = join(folder, "out");
    const abort = new AbortController();
    const onProgress = ({ shards }: DatasetProgress) => shards >= 1 && abort.abort(new Error("enough"));
    const options = { signal: abort.signal, onProgress };
    const { shards: [a, b, c] } = sourceOf(MIXED);
    const open = async function* (signal = abort.signal) {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      yield* c.open(signal);
    };
    const source = { shards: [a, b, { ...c, open }] }; // the last one is never finished
    await assertRejects(() => tokenizeDataset(model, source, folderSink(out), options), Error, "enough");
    const there = Object.keys(await contentOf(out));
    assert((there.includes("a.tar") || there.includes("b.tar")) && !there.includes("c.tar"), `${there}`);
    assertEquals(there.filter((name) => name.endsWith(".incomplete")), []);
    await tokenizeDataset(model, sourceOf(MIXED), folderSink(out));
    await tokenizeDataset(model, sourceOf(MIXED), folderSink(join(folder, "ref")));
    assertEquals(await contentOf(out), await contentOf(join(folder, "ref")));
  });
});

Deno.test("pictures of different sizes are refused for one array when the second size comes, not at the end", async () => {
  using model = await open();
  await withFolder(async (folder) => {
    let opened = 0;
    const { shards } = sourceOf({
      ...MIXED,
      ...Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`d${i}`, MIXED.c])),
    });
    const source = {
      shards: shards.map((shard) => ({ ...shard, open: (signal?: AbortSignal) => (opened++, shard.open(signal)) })),
    };
    for (const format of ["npy", "npz", "safetensors"] as const) {
      opened = 0;
      const sink = fileSink(join(folder, `t.${format}`), { format });
      const error = await assertRejects(() => tokenizeDataset(model, source, sink), RangeError);
      assertStringIncludes(error.message, `Cannot write tokens as ${format}: expected `);
      assertStringIncludes(error.message, "Write pictures of different sizes as tar, parquet");
      assert(opened < 200, `${opened} shards were opened`);
    }
  });
});

Deno.test("what was refused leaves nothing behind, so that the same place can be used with other options", async () => {
  using model = await open();
  await withFolder(async (folder) => {
    const file = fileSink(join(folder, "t.npy"), { format: "npy" });
    for (const sink of [file, folderSink(join(folder, "out"), { format: "npy" })]) {
      await assertRejects(() => tokenizeDataset(model, sourceOf(MIXED), sink, { batch: 1 }), RangeError);
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), []);
    }
    const path = join(folder, "t.npy");
    await assertRejects(
      () => tokenizeDataset(model, sourceOf(MIXED), fileSink(path, { format: "npy" }), { dtype: "uint8" }),
      RangeError,
      "uint8",
    );
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), []);
    await tokenizeDataset(model, sourceOf(MIXED), fileSink(path, { format: "npy" }), { height: 16, width: 16 });
    assertEquals((await recordsOf(path)).length, 8);
  });
});

Deno.test("verify counts the pictures of arrays with mirrored ones, which these do not mark", async () => {
  using model = await open();
  await withFolder(async (folder) => {
    for (const format of ["npy", "npz", "safetensors", "tar"] as const) {
      const path = join(folder, `t.${format}`);
      const sink = fileSink(path, { format });
      await tokenizeDataset(model, sourceOf({ a: { one: numbered(1) }, c: MIXED.c }), sink, { augment: "hflip" });
      const { pictures, problems } = await verifyTokenSet(path);
      assertEquals([pictures, problems], [2, []], format);
    }
  });
});

Deno.test("batches are full as long as there are pictures to read", async () => {
  using model = await open();
  const sizes: number[] = [];
  const counting = new Proxy(model, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: [{ shape: number[] }]) => {
        if (name === "tokenize") sizes.push(args[0].shape[0]);
        return value.apply(target, args);
      };
    },
  });
  const pictures = Object.fromEntries(Array.from({ length: 43 }, (_, i) => [`${i}`, numbered(1)]));
  await withFolder(async (folder) => {
    await tokenizeDataset(counting, sourceOf({ a: pictures }), folderSink(folder), { batch: 8 });
  });
  assertEquals(sizes, [8, 8, 8, 8, 8, 3]);
});

/** Files of tokens that become pictures, in one call or several. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  type DatasetProgress,
  detokenizeFiles,
  type DetokenizeFilesOptions,
  encodeRecords,
  pictureArchive,
  pictureFolder,
  type TokenRecord,
} from "../../datasets/mod.ts";
import { VQModel } from "../../mod.ts";
import { MODEL } from "../cli/command.ts";
import { withFolder } from "../support/folders.ts";
import { contentOf, LEAVES } from "./pictures.ts";

const WASM = { device: "wasm", threads: 1, only: "decoder" } as const;

function recordsOf(count: number, prefix = "p"): TokenRecord[] {
  return Array.from({ length: count }, (_, i) => {
    return { key: `${prefix}${i}`, indices: new Int32Array(64).fill(7 * i), shape: [8, 8] };
  });
}

async function writeTokens(path: string, records: TokenRecord[]): Promise<void> {
  const format = path.endsWith("npz") ? "npz" : path.endsWith("tar") ? "tar" : "jsonl";
  await Deno.writeFile(
    path,
    ReadableStream.from(encodeRecords(ReadableStream.from(records), format, { dtype: "int32" })),
  );
}

for (const [name, placeAt] of [["folder", pictureFolder], ["archive", pictureArchive]] as const) {
  Deno.test(`a call that was aborted is continued by the next one, to the same ${name}`, async () => {
    using model = await VQModel.fromPretrained(LEAVES, WASM);
    await withFolder(async (folder) => {
      for (const place of ["a", "b"]) await Deno.mkdir(join(folder, place));
      const at = (place: string) => placeAt(join(folder, place, "out.tar"));
      const inputs = ["1.tar", "2.tar"].map((name) => join(folder, name));
      await writeTokens(inputs[0], recordsOf(9));
      await writeTokens(inputs[1], recordsOf(30, "q"));
      const stop = new AbortController();
      const aborted = detokenizeFiles(model, inputs, at("a"), {
        signal: stop.signal,
        onProgress: ({ newPictures }) => newPictures === 3 && stop.abort(new Error("enough")),
      });
      await assertRejects(() => aborted, Error, "enough");

      const progress: DatasetProgress[] = [];
      const manifest = await detokenizeFiles(model, inputs, at("a"), { onProgress: (now) => progress.push(now) });
      const { newPictures, newTokens, engines: _, ...last } = progress.at(-1)!;
      const counts = { shards: 2, totalShards: 2, pictures: 39, totalPictures: undefined, failures: 0, models: 1 };
      assertEquals(last, counts);
      assert(newPictures > 0 && newPictures < 39, `${newPictures}`);
      assertEquals(newTokens, 64 * newPictures);
      assertEquals([manifest.pictures, manifest.failures], [39, 0]);

      assertEquals(await detokenizeFiles([model, model], inputs, at("b"), { batch: 4 }), manifest);
      assertEquals(await contentOf(join(folder, "a")), await contentOf(join(folder, "b")));
      assertEquals(await detokenizeFiles(model, inputs, at("a"), { verify: true }), manifest);
      assertEquals(await contentOf(join(folder, "a")), await contentOf(join(folder, "b")));
    });
  });
}

Deno.test("pictures that are missing, cut or of another size are made anew, and with verify also damaged ones", async () => {
  using model = await VQModel.fromPretrained(LEAVES, WASM);
  await withFolder(async (folder) => {
    const [tokens, out] = [join(folder, "t.npz"), join(folder, "out")];
    await writeTokens(tokens, recordsOf(5));
    const make = async (options: DetokenizeFilesOptions = {}) => {
      let made = 0;
      const onProgress = ({ newPictures }: DatasetProgress) => void (made = newPictures);
      await detokenizeFiles(model, [tokens], pictureFolder(out), { ...options, onProgress });
      return made;
    };
    assertEquals(await make(), 5);
    const expected = await contentOf(out);
    const bytes = await Deno.readFile(join(out, "p1.png"));
    await Deno.remove(join(out, "p0.png"));
    await Deno.writeFile(join(out, "p1.png"), bytes.slice(0, -1));
    await Deno.writeFile(join(out, "p2.png"), new Uint8Array());
    await Deno.writeFile(join(out, "p3.png"), bytes.with(19, 16));
    assertEquals(await make(), 4);
    assertEquals(await contentOf(out), expected);
    await Deno.writeFile(join(out, "p4.png"), bytes.with(60, bytes[60] ^ 255));
    assertEquals([await make(), await make({ verify: true }), await make({ verify: true })], [0, 1, 0]);
    assertEquals(await contentOf(out), expected);
  });
});

Deno.test("another model, other tokens or settings in the same place are errors that say what differs", async () => {
  using model = await VQModel.fromPretrained(LEAVES, WASM);
  using other = await VQModel.fromPretrained(MODEL, WASM);
  await withFolder(async (folder) => {
    const [tokens, more] = [join(folder, "t.npz"), join(folder, "u.npz")];
    await writeTokens(tokens, recordsOf(2));
    await writeTokens(more, recordsOf(3));
    for (const place of [pictureFolder(join(folder, "out")), pictureArchive(join(folder, "out.tar"))]) {
      await detokenizeFiles(model, [tokens], place);
      const made = await contentOf(folder);
      const refuse = async (message: string, inputs = [tokens], options = {}, by = model) => {
        const call = () => detokenizeFiles(by, inputs, place, options);
        const { message: found } = await assertRejects(call, RangeError, `Cannot write pictures to ${place.path}`);
        assertStringIncludes(found, message);
      };
      await refuse("model codebook is", [tokens], {}, other);
      await refuse("SHA-256 of input 1 is", [more]);
      await refuse("number of inputs is 1 there and 2 now", [tokens, more]);
      await refuse("grid is undefined there and 8x8 now".replaceAll("8x8", '"8x8"'), [tokens], { grid: [8, 8] });
      await refuse('pixels is "signed" there and "unit" now', [tokens], { doNormalize: false });
      assertEquals(await contentOf(folder), made);
    }
    await Deno.copyFile(tokens, join(folder, "renamed.npz"));
    await detokenizeFiles(model, [join(folder, "renamed.npz")], pictureFolder(join(folder, "out")));
  });
});

Deno.test("pictures of unknown origin are not replaced, and a refused call leaves a place as it was", async () => {
  using model = await VQModel.fromPretrained(LEAVES, WASM);
  await withFolder(async (folder) => {
    const tokens = join(folder, "t.jsonl");
    await writeTokens(tokens, recordsOf(2));
    await Deno.mkdir(join(folder, "photos/sub"), { recursive: true });
    await Deno.writeTextFile(join(folder, "photos/sub/p0.PNG"), "a photo");
    await Deno.writeTextFile(join(folder, "photos.tar"), "photos");
    const before = await contentOf(folder);
    for (const place of [pictureFolder(join(folder, "photos")), pictureArchive(join(folder, "photos.tar"))]) {
      await assertRejects(() => detokenizeFiles(model, [tokens], place), RangeError, "manifest.json that says what");
    }
    const line = { ...recordsOf(1)[0], indices: Array(64).fill(1), codebook: "ab".repeat(32) };
    await Deno.writeTextFile(join(folder, "foreign.jsonl"), JSON.stringify(line));
    const foreign = [join(folder, "foreign.jsonl")];
    const place = pictureFolder(join(folder, "new"));
    await assertRejects(
      () => detokenizeFiles(model, foreign, place),
      RangeError,
      "they belong to a model with codebook",
    );
    await Deno.remove(foreign[0]);
    assertEquals(await contentOf(folder), before);
    assertEquals([...Deno.readDirSync(folder)].length, 3);
    await assertRejects(() => detokenizeFiles(model, [tokens], place, { girds: 1 } as never), TypeError, "girds");
    const inFile = pictureFolder(join(tokens, "out"));
    await assertRejects(
      () => detokenizeFiles(model, [tokens], inFile),
      TypeError,
      `Cannot write pictures to ${tokens}`,
    );
  });
});

Deno.test("a stream is continued if it is the same one", async () => {
  using model = await VQModel.fromPretrained(LEAVES, WASM);
  await withFolder(async (folder) => {
    const streamOf = (records: TokenRecord[]) => [{
      name: "standard input",
      stream: encodeRecords(ReadableStream.from(records), "jsonl", { dtype: "int32" }),
    }];
    const place = pictureFolder(join(folder, "out"));
    const manifest = await detokenizeFiles(model, streamOf(recordsOf(2)), place);
    await Deno.remove(join(folder, "out/p1.png"));
    assertEquals(await detokenizeFiles(model, streamOf(recordsOf(2)), place), manifest);
    assertEquals(Object.keys(await contentOf(folder)), ["out/manifest.json", "out/p0.png", "out/p1.png"]);
    await assertRejects(() => detokenizeFiles(model, streamOf(recordsOf(3)), place), RangeError, "of input 1 is");
  });
});

Deno.test("records that cannot be read or decoded, and files that are cut, are noted, and the others decoded", async () => {
  using model = await VQModel.fromPretrained(LEAVES, WASM);
  await withFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    const good = recordsOf(3);
    const lines = good.map((record) => JSON.stringify({ ...record, indices: [...record.indices] }));
    const wrong = JSON.stringify({ key: "beyond", shape: [1, 2], indices: [3, 1024] });
    await Deno.writeTextFile(at("a.jsonl"), [lines[0], "{oops", lines[1], lines[0], wrong, lines[2]].join("\n"));
    await writeTokens(at("b.tar"), recordsOf(4, "q"));
    const tar = await Deno.readFile(at("b.tar"));
    tar.set(new TextEncoder().encode("damaged"), 2 * 512 + 256 + 512 + 512 + 512);
    await Deno.writeFile(at("b.tar"), tar);
    await writeTokens(at("c.tar"), recordsOf(2, "r"));
    await Deno.writeFile(at("c.tar"), (await Deno.readFile(at("c.tar"))).slice(0, 2760));
    await Deno.writeTextFile(at("d.npy"), "nothing");
    const inputs = ["a.jsonl", "b.tar", "c.tar", "d.npy"].map(at);
    const manifest = await detokenizeFiles(model, inputs, pictureFolder(at("out")));
    const made = await contentOf(at("out"));
    const failures = new TextDecoder().decode(Uint8Array.fromHex(made["failures.jsonl"])).trimEnd().split("\n")
      .map((line) => JSON.parse(line));
    assertEquals(manifest.failures, failures.length);
    assertEquals(failures.map(({ file, key }) => [file, key]).filter(([file]) => file !== "b.tar"), [
      ["a.jsonl", "line 2"],
      ["a.jsonl", "p0"],
      ["a.jsonl", "beyond"],
      ["c.tar", "c.tar"],
      ["d.npy", "d.npy"],
    ]);
    assertStringIncludes(failures[0].reason, "a.jsonl, line 2");
    assertStringIncludes(failures[2].reason, "expected indices from 0 to 1023, found 1024");
    const pictures = Object.keys(made).filter((name) => name.endsWith(".png"));
    assertEquals(pictures.length, manifest.pictures);
    for (const name of ["p0.png", "p1.png", "p2.png", "r0.png"]) assert(pictures.includes(name), name);
    assertEquals(await detokenizeFiles(model, inputs, pictureFolder(at("out"))), manifest);
    assertEquals(await contentOf(at("out")), made);
  });
});

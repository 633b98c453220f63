/** Archives that cannot be read, or may be cut short: the others are tokenized, and these when they can be read. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  type DatasetSource,
  decodeRecords,
  encodeTar,
  fileSink,
  folderSink,
  type Manifest,
  openSource,
  SourceError,
  tokenizeDataset,
  tokenizeShard,
  type TokenSink,
} from "../../datasets/mod.ts";
import { VQModel } from "../../mod.ts";
import { cli } from "../cli/command.ts";
import { withFolder } from "../support/folders.ts";
import { contentOf, LEAVES, numbered } from "./pictures.ts";

const open = () => VQModel.fromPretrained(LEAVES, { device: "wasm", threads: 1, only: "encoder" });

/** An archive of pictures with these numbers. */
async function tarOf(...numbers: number[]): Promise<Uint8Array<ArrayBuffer>> {
  const files = numbers.map((number) => ({ name: `${number}.png`, bytes: numbered(number) }));
  return await new Response(ReadableStream.from(encodeTar(ReadableStream.from(files)))).bytes();
}

/** Writes the archives `0.tar` to `3.tar`, and returns the source of them. */
async function writeArchives(folder: string): Promise<() => Promise<DatasetSource>> {
  await Deno.mkdir(folder, { recursive: true });
  for (let i = 0; i < 4; i++) await Deno.writeFile(join(folder, `${i}.tar`), await tarOf(2 * i, 2 * i + 1));
  return () => openSource([join(folder, "{0..3}.tar")]);
}

interface Failure {
  readonly shard: string;
  readonly key: string;
  readonly reason: string;
}

async function failuresIn(path: string): Promise<Failure[]> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** The same in a folder and in a file: the path of the failures, and what the tokens are at last. */
const PLACES: readonly [name: string, (path: string) => TokenSink, failures: string][] = [
  ["folder", (path) => folderSink(path), "/failures.jsonl"],
  ["t.jsonl", (path) => fileSink(path, { format: "jsonl" }), ".failures.jsonl"],
  ["t.npy", (path) => fileSink(path, { format: "npy" }), ".failures.jsonl"],
];

for (const [name, sinkAt, list] of PLACES) {
  Deno.test(`${name}: archives that cannot be read are noted, the others done, and these by a later run`, async () => {
    using model = await open();
    await withFolder(async (folder) => {
      const source = await writeArchives(join(folder, "in"));
      const [first, second] = ["1.tar", "2.tar"].map((archive) => join(folder, "in", archive));
      const [whole, cut] = [await Deno.readFile(first), await Deno.readFile(second)];
      const out = join(folder, name);
      const run = async (options: { retryFailures?: boolean } = {}): Promise<Manifest> =>
        await tokenizeDataset(model, await source(), sinkAt(out), options);

      await Deno.remove(first);
      await Deno.writeFile(second, cut.subarray(0, 600));
      for (const options of [{}, { retryFailures: true }]) {
        const { unread, shards } = await run(options);
        assertEquals(unread, ["1", "2"]);
        assertEquals(shards.reduce((sum, { pictures }) => sum + pictures, 0), 4);
        const failures = await failuresIn(out + list);
        assertEquals(failures.map(({ key }) => key), [first, second]);
        assertStringIncludes(failures[0].reason, "o such file");
        assertStringIncludes(failures[1].reason, "it is cut short");
      }
      await Deno.writeFile(first, whole);
      await Deno.writeFile(second, cut);
      assertEquals((await run({ retryFailures: true })).unread, undefined);
      assertEquals(await failuresIn(out + list), []);
      await Deno.mkdir(join(folder, "ref"));
      await tokenizeDataset(model, await source(), sinkAt(join(folder, "ref", name)));
      await Deno.mkdir(join(folder, "made"));
      for (const { name: file } of [...Deno.readDirSync(folder)]) {
        if (file.startsWith(name)) await Deno.rename(join(folder, file), join(folder, "made", file));
      }
      assertEquals(await contentOf(join(folder, "made")), await contentOf(join(folder, "ref")));
    });
  });

  Deno.test(`${name}: an archive without its end is tokenized, noted, and made anew when all of it is there`, async () => {
    using model = await open();
    await withFolder(async (folder) => {
      const source = await writeArchives(join(folder, "in"));
      const archive = join(folder, "in", "1.tar");
      const whole = await Deno.readFile(archive);
      const half = await tarOf(2);
      await Deno.writeFile(archive, half.subarray(0, -1024)); // ends between two files
      const out = join(folder, name);
      const run = async () => await tokenizeDataset(model, await source(), sinkAt(out), { retryFailures: true });
      for (let i = 0; i < 2; i++) {
        const { unread, shards } = await run();
        assertEquals([unread, shards.reduce((sum, { pictures }) => sum + pictures, 0)], [undefined, 7]);
        const [{ key, reason }, ...others] = await failuresIn(out + list);
        assertEquals([key, others], [archive, []]);
        assertStringIncludes(reason, "It may be cut short");
      }
      await Deno.writeFile(archive, whole);
      const { shards } = await run();
      assertEquals(shards.reduce((sum, { pictures, failures }) => sum + pictures - failures, 0), 8);
      assertEquals(await failuresIn(out + list), []);
      if (name === "folder") return;
      const keys = (await Array.fromAsync(decodeRecords(out))).map(({ key }) => Number(key));
      assertEquals(keys, [0, 1, 2, 3, 4, 5, 6, 7]);
    });
  });
}

Deno.test("a finished shard stays if its archive is gone when failures are tried again", async () => {
  using model = await open();
  await withFolder(async (folder) => {
    const archive = join(folder, "a.tar");
    await Deno.writeFile(archive, (await tarOf(1, 2)).subarray(0, -1024));
    const source = await openSource([archive]);
    const sink = folderSink(join(folder, "out"));
    await tokenizeDataset(model, source, sink);
    await Deno.remove(archive);
    const { shards, unread } = await tokenizeDataset(model, source, sink, { retryFailures: true });
    assertEquals([shards.map(({ pictures }) => pictures), unread], [[2], ["a"]]);
    assert((await Deno.stat(join(folder, "out", "a.tar"))).isFile);
    await assertRejects(() => tokenizeShard(model, source, folderSink(join(folder, "b")), "a"), SourceError, "shard a");
  });
});

Deno.test("tokenize exits with code 3 if an archive cannot be read, and with 0 when it can", async () => {
  await withFolder(async (folder) => {
    await writeArchives(folder);
    const archive = join(folder, "1.tar");
    const whole = await Deno.readFile(archive);
    await Deno.writeTextFile(archive, "no archive");
    const out = join(folder, "out");
    const run = (...args: string[]) =>
      cli(["tokenize", LEAVES, join(folder, "*.tar"), "-o", out, "--device=wasm", "--threads=1", ...args]);
    const { code, stdout, stderr } = await run();
    assertEquals({ code, stdout }, { code: 3, stdout: `Wrote ${out}: 3 shards, 6 pictures, 384 tokens, 8×8\n` });
    assertEquals(
      stderr,
      `error: 1 of 4 shards could not be read: see ${out}/failures.jsonl; --retry-failures tries them again\n`,
    );
    await Deno.writeFile(archive, whole);
    assertEquals((await run("--retry-failures")).code, 0);
  });
});

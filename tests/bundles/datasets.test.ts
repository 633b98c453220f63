/** Data sets with the built package in Node: the same files as Deno writes, and the same locks. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { dirname, join, toFileUrl } from "@std/path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { gzipSync } from "node:zlib";
import * as datasets from "../../datasets/mod.ts";
import * as library from "../../mod.ts";
import { contentOf, LEAVES, writePictures } from "../datasets/pictures.ts";
import { startServer } from "../datasets/queue/nats.ts";
import { testOn } from "../support/engines.ts";
import { withFolder } from "../support/folders.ts";
import { fixture, repository } from "../support/paths.ts";
import { printedBy } from "../support/processes.ts";
import { processDatasets } from "./dataset_script.js";
import { buildDist } from "./dist.ts";
import { startRuntime } from "./runtimes.ts";

const PICTURES = ["jpeg-420.jpg", "gif.gif"];

testOn("wasm", "data sets become the same files in Node as in Deno, in every format", async () => {
  await withFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    await writePictures(at("pictures"), 1);
    for (const name of PICTURES) await Deno.copyFile(fixture(`pictures/golden/${name}`), at(`pictures/${name}`));
    const tar = await tarOf(at("pictures"));
    await Deno.writeFile(at("train-0.tar"), tar);
    await Deno.writeFile(at("train-1.tar.gz"), gzipSync(tar));
    const column = {
      name: "image",
      data: filesIn(at("pictures")).map(({ bytes }) => bytes),
      type: "BYTE_ARRAY",
    } as const;
    await Deno.writeFile(at("rows.parquet"), new Uint8Array(parquetWriteBuffer({ columnData: [column] })));
    const globs = [at("tr*n-{0..1}.{tar,tar.gz}"), at("*.parquet")];
    await using server = Deno.serve({ port: 0, onListen() {} }, () => new Response(tar));
    const inputs = [at("pictures"), ...globs, `http://127.0.0.1:${server.addr.port}/remote.tar`];

    await Deno.mkdir(at("deno"));
    await processDatasets(library, datasets, { model: LEAVES, output: at("deno"), inputs });
    const expected = await contentOf(at("deno"));
    await Promise.all([20, 24].map(async (version) => {
      const output = at(`node-${version}`);
      await Deno.mkdir(output);
      assertEquals(await printedBy(await startNode(version, ["dataset_script.js", LEAVES, output, ...inputs])), "");
      const found = await contentOf(output);
      assertEquals(Object.keys(found), Object.keys(expected));
      const same = Object.keys(found).filter((name) => found[name] === expected[name]);
      // Runtimes deflate pictures in their own ways, and Node 20 has no fused multiply-add.
      const mayDiffer = version === 20 ? /^pictures|^pixels/ : /^pictures/;
      assertEquals(Object.keys(found).filter((name) => !same.includes(name) && !mayDiffer.test(name)), []);
    }));
  });
});

testOn("wasm", "runs in Deno and in Node refuse each other in one place, and continue what was killed", async () => {
  await withFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    await writePictures(at("pictures"), 6);
    const tar = await tarOf(at("pictures"));
    let requested = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    await using server = Deno.serve({ port: 0, onListen() {} }, async () => {
      requested.resolve();
      await answered.promise;
      return new Response(tar);
    });
    using _end = { [Symbol.dispose]: () => answered.resolve() };
    const inputs = [at("pictures"), `http://127.0.0.1:${server.addr.port}/remote.tar`];
    const [out, whole] = ["out/tokens.tar", "whole/tokens.tar"].map(at);
    for (const path of [out, whole]) await Deno.mkdir(dirname(path));
    const inNode = (env = {}) => startNode(20, ["dataset_run_script.js", "tokenize", LEAVES, out, ...inputs], env);
    const model = await library.VQModel.fromPretrained(LEAVES, { device: "wasm", threads: 1 });
    const source = await datasets.openSource(inputs, { shardSize: 2 });
    const inDeno = (path: string, signal?: AbortSignal) =>
      datasets.tokenizeDataset(model, source, datasets.fileSink(path, { format: "tar" }), { signal });

    const killed = await inNode();
    await requested.promise;
    await assertRejects(() => inDeno(out), RangeError, "another run is writing there");
    killed.kill("SIGKILL");
    await killed.output();

    requested = Promise.withResolvers();
    const abort = new AbortController();
    const aborted = assertRejects(() => inDeno(out, abort.signal), Error, "aborted");
    await requested.promise;
    assertStringIncludes(await printedBy(await inNode()), "another run is writing there");
    abort.abort(new Error("aborted"));
    await aborted;

    answered.resolve();
    const withoutFlock = await printedBy(await inNode({ PATH: "" }));
    assertStringIncludes(withoutFlock, "expected the command flock (of util-linux), found none");
    assertEquals(await printedBy(await inNode()), "");
    await inDeno(whole);
    model.dispose();
    assertEquals(await contentOf(dirname(out)), await contentOf(dirname(whole)));
  });
});

Deno.test("a queue is filled and worked on in Node, whose job stays its own though its thread is busy", async () => {
  await using server = await startServer();
  const address = `${server.url}/test`;
  await using queue = await datasets.openQueue(datasets.parseQueueAddress(address), { redelivery: 1000 });
  await queue.publish("long", 2);
  const node = await startNode(20, ["dataset_run_script.js", "work", address]);
  while ((await queue.status()).running === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  const own: string[] = [];
  await queue.work(({ id }) => Promise.resolve(own.push(id)), { worker: "deno" });
  assertEquals([await printedBy(node), own.join()].sort(), ["long\n", "of Node"]);
  assertEquals((await queue.status()).done, 2);
});

/** Starts a script with the built package in a version of Node. */
async function startNode(version: number, [script, ...args]: readonly string[], env = {}): Promise<Deno.ChildProcess> {
  const dist = toFileUrl(await buildDist()).href;
  return await startRuntime(`node@${version}`, [repository(`tests/bundles/${script}`), dist, ...args], { env });
}

function filesIn(folder: string): datasets.TarFile[] {
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
  return names.map((name) => ({ name, bytes: Deno.readFileSync(join(folder, name)) }));
}

/** An archive of a folder's files. */
async function tarOf(folder: string): Promise<Uint8Array<ArrayBuffer>> {
  const files = ReadableStream.from(filesIn(folder));
  return await new Response(ReadableStream.from(datasets.encodeTar(files))).bytes();
}

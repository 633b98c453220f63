/** `vqmodel tokenize` on whole data sets, as processes with their files and exit codes. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { encodeTar } from "../../datasets/mod.ts";
import { cli, fail, succeed } from "../cli/command.ts";
import { withFolder } from "../support/folders.ts";
import { type Output, outputOf, start } from "../support/processes.ts";
import { testOnUnix } from "../support/systems.ts";
import { contentOf, CORRUPT, LEAVES, numbered, writePictures } from "./pictures.ts";
import { COMMAND, startTokenize, waitFor } from "./processes.ts";

/** Runs `tokenize` with one thread, which starts soonest. */
function tokenize(...args: string[]): Promise<Output> {
  return cli(["tokenize", LEAVES, "--device=wasm", "--threads=1", ...args]);
}

Deno.test("a folder becomes shards; pictures that fail are counted, listed and exit code 3", async () => {
  await withFolder(async (folder) => {
    const [pictures, out] = [join(folder, "pictures"), join(folder, "out")];
    await writePictures(pictures, 5, { corrupt: [1] });
    const run = (...args: string[]) => tokenize(pictures, "-o", out, "--shard-size=2", ...args);
    const first = await run();
    assertEquals(first.stdout, `Wrote ${out}: 3 shards, 4 pictures, 256 tokens, 8×8\n`);
    assertMatch(
      first.stderr,
      /^error: 1 of 5 pictures failed: see .*\/failures\.jsonl; --retry-failures tries them again\n$/,
    );
    assertEquals(first.code, 3);
    const there = [...Deno.readDirSync(out)].map(({ name }) => name).sort();
    assertEquals(there, ["000000.tar", "000001.tar", "000002.tar", "failures.jsonl", "manifest.json"]);
    const content = await contentOf(out);
    assertEquals((await run("--quiet")).stdout, "");
    assertEquals(await contentOf(out), content);

    await Deno.writeFile(join(pictures, "001.png"), numbered(1));
    const retried = await run("--retry-failures", "--json");
    assertEquals({ code: retried.code, stderr: retried.stderr }, { code: 0, stderr: "" });
    const done = JSON.parse(retried.stdout.trimEnd().split("\n").at(-1)!);
    assertEquals([done.status, done.pictures, done.failures, done.shards], ["done", 5, 0, 3]);
    assertEquals(await Deno.stat(join(out, "failures.jsonl")).catch(() => "gone"), "gone");
  });
});

Deno.test("the extension of -o decides the format, and one of another format is an error", async () => {
  await withFolder(async (folder) => {
    await writePictures(join(folder, "in"), 3, { corrupt: [2] });
    const out = join(folder, "out.jsonl");
    const { code, stdout } = await tokenize(join(folder, "in"), "-o", out);
    assertEquals({ code, stdout }, { code: 3, stdout: `Wrote ${out}: 2 pictures, 128 tokens, 8×8\n` });
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assertEquals(names, ["in", "out.jsonl", "out.jsonl.failures.jsonl", "out.jsonl.manifest.json"]);
    const lines = (await Deno.readTextFile(out)).trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines.map(({ key, shape }) => [key, shape]), [["000", [8, 8]], ["001", [8, 8]]]);

    const misused = (...args: string[]) => fail(2, "tokenize", LEAVES, join(folder, "in"), ...args);
    assertStringIncludes(await misused("-o", "t.npy", "--format", "tar"), "-o t.npy means the format npy");
    assertStringIncludes(await misused("-o", "t", "--format", "json"), "--format json is for one file");
    assertStringIncludes(await misused("-o", "-", "--format", "tar"), "-o - writes JSON");
    assertStringIncludes(await misused(), "-o is needed");
    assertStringIncludes(await misused("-o", "t.json", "--augment=hflip"), "--augment is for whole data sets");
    assertStringIncludes(await misused("-o", "t.json"), "-o t.json takes pictures, found");
  });
});

Deno.test("inputs that are empty, missing or damaged are errors that name them", async () => {
  await withFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    await Deno.mkdir(at("empty"));
    const none = at("no model"); // inputs are looked for before the model
    assertStringIncludes(await fail(1, "tokenize", none, at("empty"), "-o", at("out")), "expected pictures in it");
    assertStringIncludes(await fail(1, "tokenize", none, at("gone.tar"), "-o", at("out")), "found nothing there");
    await Deno.writeTextFile(at("list.txt"), "\n");
    assertStringIncludes(await fail(1, "tokenize", none, `@${at("list.txt")}`, "-o", at("out")), "no input");

    await writePictures(at("good"), 9);
    await fail(1, "tokenize", none, at("good"), "-o", at("out"));
    await Deno.writeFile(at("good.png"), numbered(1));
    await Deno.writeFile(at("cut.tar"), new Uint8Array(700).fill(7));
    const { code, stderr } = await tokenize(at("good.png"), at("cut.tar"), "-o", at("out"));
    assertEquals(code, 3);
    assertMatch(stderr, /^error: 1 of 2 shards could not be read: see .*failures\.jsonl/);
    assertStringIncludes(await Deno.readTextFile(at("out/failures.jsonl")), "cut.tar: expected");
    assert((await Deno.stat(at("out/pictures-000000.tar"))).size > 0);
  });
});

/** An archive that is sent when that is allowed, so that a run before is in the middle. */
async function serveLate(): Promise<
  AsyncDisposable & { readonly url: string; nextRequest(): Promise<void>; allow(): void }
> {
  const { promise: isAllowed, resolve: allow } = Promise.withResolvers<void>();
  const entries = ReadableStream.from([{ name: "z.png", bytes: numbered(99) }]);
  const archive = await new Response(ReadableStream.from(encodeTar(entries))).bytes();
  let asked = () => {};
  const server = Deno.serve({ port: 0, onListen() {} }, () => {
    asked();
    return isAllowed.then(() => new Response(archive));
  });
  return {
    nextRequest: () => new Promise((resolve) => asked = resolve),
    url: `http://localhost:${server.addr.port}/late.tar`,
    allow,
    async [Symbol.asyncDispose]() {
      allow();
      await server.shutdown();
    },
  };
}

testOnUnix("Ctrl-C ends a run in the middle with exit code 130, and the same command goes on", async () => {
  await withFolder(async (folder) => {
    const [pictures, out] = [join(folder, "pictures"), join(folder, "out")];
    await writePictures(pictures, 12, { corrupt: [3] });
    await using late = await serveLate();
    const run = (out: string) => startTokenize([pictures, late.url], out);

    for (const middle of [() => waitFor(join(out, "pictures-000000.tar")), () => late.nextRequest()]) {
      const child = run(out);
      await middle();
      child.kill("SIGINT");
      const { code, stdout, stderr } = await outputOf(child);
      assertEquals({ code, stdout }, { code: 130, stdout: "" });
      assertMatch(stderr, /^error: interrupted: \d of 4 shards are finished\. Run the same command again to go on\n$/);
      assertEquals(Object.keys(await contentOf(out)).filter((name) => name.endsWith(".incomplete")), []);
    }
    late.allow();
    assertEquals((await outputOf(run(out))).code, 3);
    assertEquals((await outputOf(run(join(folder, "ref")))).code, 3);
    assertEquals(await contentOf(out), await contentOf(join(folder, "ref")));
  });
});

testOnUnix("a second Ctrl-C ends a run at once, and the same command goes on", async () => {
  await withFolder(async (folder) => {
    const [pictures, out] = [join(folder, "pictures"), join(folder, "out")];
    await writePictures(pictures, 4);
    await using late = await serveLate();
    const child = startTokenize([pictures, late.url], out);
    await waitFor(join(out, "pictures-000000.tar"));
    child.kill("SIGINT");
    child.kill("SIGINT");
    assertEquals((await child.status).code, 130);
    await child.stdout.cancel();
    await child.stderr.cancel();
    late.allow();
    assertEquals((await outputOf(startTokenize([pictures, late.url], out))).code, 0);
  });
});

testOnUnix("a second run into the same place is refused while the first one lasts", async () => {
  await withFolder(async (folder) => {
    const [pictures, out] = [join(folder, "pictures"), join(folder, "out")];
    await writePictures(pictures, 8);
    const first = startTokenize([pictures], out);
    await waitFor(join(out, "manifest.json"));
    first.kill("SIGSTOP");
    const { code, stderr } = await outputOf(startTokenize([pictures], out));
    assertEquals(code, 1);
    assertStringIncludes(stderr, "another run is writing there");
    first.kill("SIGKILL");
    await first.output();
    assertEquals((await outputOf(startTokenize([pictures], out))).code, 0);
  });
});

testOnUnix("a full disk is a clear error that leaves whole shards only, and the same command goes on", async () => {
  await withFolder(async (folder) => {
    const [pictures, out] = [join(folder, "pictures"), join(folder, "out")];
    await writePictures(pictures, 6);
    await writePictures(join(pictures, "x"), 1, { side: 512 });
    const args = [...COMMAND, pictures, "-o", out, "--shard-size=3"];
    // A limit of the size of files, in blocks of 512 or 1024 bytes, stands for a disk that is full.
    const limited = 'trap "" XFSZ; ulimit -f 24; exec "$@"';
    const { code, stderr } = await outputOf(start("bash", ["-c", limited, "bash", Deno.execPath(), ...args]));
    assertEquals(code, 1, stderr);
    assertMatch(stderr, /^error: Cannot write .*000002\.tar: .*[Ff]ile too large.*run the same command again\n$/);
    const there = Object.keys(await contentOf(out));
    assertEquals(there.filter((name) => /tar$|incomplete$/.test(name)), ["000000.tar", "000001.tar"]);
    assertEquals((await outputOf(start(Deno.execPath(), args))).code, 0);
    assertEquals((await outputOf(start(Deno.execPath(), args.with(-2, join(folder, "ref"))))).code, 0);
    assertEquals(await contentOf(out), await contentOf(join(folder, "ref")));
  });
});

Deno.test("pictures in archives that are corrupt do not end a run", async () => {
  await withFolder(async (folder) => {
    const files = [["a.png", numbered(1)], ["b.png", CORRUPT], ["c.png", numbered(2)]] as const;
    const entries = ReadableStream.from(files.map(([name, bytes]) => ({ name, bytes })));
    await Deno.writeFile(join(folder, "000017.tar"), ReadableStream.from(encodeTar(entries)));
    const { code } = await tokenize(join(folder, "*.tar"), "-o", join(folder, "out/"));
    assertEquals(code, 3);
    const names = [...Deno.readDirSync(join(folder, "out"))].map(({ name }) => name).sort();
    assertEquals(names, ["000017.tar", "failures.jsonl", "manifest.json"]);
    const [failure] = (await Deno.readTextFile(join(folder, "out/failures.jsonl"))).split("\n");
    const { shard, key, name } = JSON.parse(failure);
    assertEquals([shard, key, name], ["000017.tar", "b", `${join(folder, "000017.tar")}/b.png`]);
  });
});

Deno.test("tokenize --help has examples", async () => {
  assertStringIncludes(await succeed("tokenize", "--help"), "tokenize MODEL pics --size 256 -o tokens");
});

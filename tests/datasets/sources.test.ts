/** What may be named as inputs of a data set, and the shards and keys that come of it. */
import { assertEquals, assertRejects } from "@std/assert";
import { join, relative } from "@std/path";
import { type DatasetShard, encodeTar, openSource, type SourceOptions } from "../../datasets/mod.ts";
import { withFolder, writeFiles } from "../support/folders.ts";
import { testOnUnix } from "../support/systems.ts";

/** Files whose content is their name. */
function named(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, name.split("/").at(-1)!]));
}

/** The keys of a shard, and the text of each file. */
async function contentOf(shard: DatasetShard): Promise<[key: string, text: string][]> {
  const content: [string, string][] = [];
  for await (const { key, bytes } of shard.open()) content.push([key, new TextDecoder().decode(await bytes())]);
  return content;
}

async function keysOf(inputs: string[], options?: SourceOptions): Promise<Record<string, string[]>> {
  const { shards } = await openSource(inputs, options);
  const entries = await Promise.all(shards.map(async (shard) => {
    const content = await contentOf(shard);
    return [shard.name, content.map(([key]) => key)] as const;
  }));
  return Object.fromEntries(entries);
}

async function tarOf(...names: string[]): Promise<Uint8Array> {
  const files = names.map((name) => ({ name, bytes: new TextEncoder().encode(name) }));
  return await new Response(ReadableStream.from(encodeTar(ReadableStream.from(files)))).bytes();
}

Deno.test("a folder's pictures are its shards, sorted, at any depth, without what is hidden or no picture", async () => {
  await withFolder(async (folder) => {
    const files = ["b.jpg", "a.PNG", "c.txt", "sub/deep/x.webp", "sub/a.jpeg", ".git/y.jpg", ".z.png", "old.tar"];
    await writeFiles(folder, named(...files));
    await Deno.symlink(folder, join(folder, "sub", "loop"));
    const { shards } = await openSource([folder], { shardSize: 3 });
    assertEquals(shards.map(({ name, pictures }) => [name, pictures]), [["000000", 3], ["000001", 1]]);
    assertEquals(await contentOf(shards[0]), [["a", "a.PNG"], ["b", "b.jpg"], ["sub/a", "a.jpeg"]]);
    assertEquals(await contentOf(shards[1]), [["sub/deep/x", "x.webp"]]);
    const [same] = (await openSource([`${folder}/`], { shardSize: 3 })).shards;
    assertEquals(same.fingerprint, shards[0].fingerprint);
    await Deno.writeTextFile(join(folder, "aa.png"), "");
    const [other] = (await openSource([folder], { shardSize: 3 })).shards;
    assertEquals(other.fingerprint === shards[0].fingerprint, false);
  });
});

Deno.test("files, folders, globs and lists may be mixed; keys differ", async () => {
  await withFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    await writeFiles(folder, named("a/x.jpg", "a/x.png", "b/x.jpg", "b/y.jpg", "c/0 1.gif", "c/[2].gif"));
    assertEquals(await keysOf([at("a"), at("b")]), { "000000": ["a/x", "a/x-2", "b/x", "b/y"] });
    assertEquals(await keysOf([at("b/y.jpg"), at("a/x.jpg"), at("b/x.jpg")]), { "000000": ["y", "x", "x-2"] });
    assertEquals(await keysOf([at("*/*.jpg")]), { "000000": ["a/x", "b/x", "b/y"] });
    assertEquals(await keysOf([at("{b,a}/x.jpg")]), { "000000": ["a/x", "b/x"] });
    assertEquals(await keysOf([at("c/[2].gif")]), { "000000": ["[2]"] });
    await Deno.writeTextFile(at("list.txt"), `${at("c/0 1.gif")}\r\n\n${at("b")}\n`);
    assertEquals(await keysOf([`@${at("list.txt")}`]), { "000000": ["0 1", "x", "y"] });
    assertEquals(await keysOf([new URL(`file://${at("b/y.jpg")}`).href]), { "000000": ["y"] });
  });
});

Deno.test("lists have comments and blank lines; their paths are relative to their folder, or to the working directory", async () => {
  await withFolder(async (folder) => {
    await writeFiles(folder, named("lists/x.jpg", "lists/sub/y.jpg", "lists/#z.jpg"));
    const here = relative(Deno.cwd(), join(folder, "lists", "sub"));
    const lines = ["\ufeff# a comment", "", "x.jpg", "  ", "sub", "./#z.jpg", "#x.jpg", `${here}/*.jpg`];
    const list = join(folder, "lists", "list.txt");
    for (const end of ["\n", "\r\n"]) {
      await Deno.writeTextFile(list, lines.join(end));
      assertEquals(await keysOf([`@${list}`]), { "000000": ["x", "y", "#z", "y-2"] });
    }
    await Deno.writeTextFile(list, "# nothing\n");
    await assertRejects(() => openSource([`@${list}`]), TypeError, "no input");
  });
});

Deno.test("named pictures and archives that are not there fail when they are read, if others are there", async () => {
  await withFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    await writeFiles(folder, { "a.jpg": "a.jpg", "0.tar": await tarOf("k.jpg"), "2.tar": await tarOf("l.jpg") });
    const { shards } = await openSource([at("a.jpg"), at("none.jpg"), at("{0..2}.tar"), at("3.tar")]);
    assertEquals(shards.map(({ name }) => name), ["pictures-000000", "0", "1", "2", "3"]);
    const [a, none] = await Array.fromAsync(shards[0].open());
    assertEquals([a.key, (await a.bytes()).length, none.key], ["a", 5, "none"]);
    await assertRejects(() => none.bytes(), Error, "no such file");
    for (const shard of [shards[2], shards[4]]) await assertRejects(() => contentOf(shard), Error, "no such file");
    await assertRejects(() => openSource([at("3.tar"), at("none.jpg")]), TypeError, "3.tar: expected a file");
    await assertRejects(() => openSource([at("a.jpg"), at("folder")]), TypeError, "found nothing there");
  });
});

Deno.test("pipes are not waited for, and links that lead nowhere fail as pictures", async () => {
  await withFolder(async (folder) => {
    await writeFiles(folder, named("a.jpg"));
    if (Deno.build.os !== "windows") await new Deno.Command("mkfifo", { args: [join(folder, "pipe.jpg")] }).output();
    await Deno.symlink(join(folder, "none.jpg"), join(folder, "lost.jpg"));
    for (const input of [folder, join(folder, "*.jpg")]) {
      const { shards: [shard] } = await openSource([input]);
      const keys: string[] = [];
      for await (const { key, bytes } of shard.open()) {
        keys.push(key);
        if (key === "lost") await assertRejects(bytes, Error, "no such file");
        else assertEquals((await bytes()).length, 5);
      }
      assertEquals(keys, ["a", "lost"]);
    }
  });
});

testOnUnix("inner folders that cannot be read fail as pictures, and the others are read", async () => {
  await withFolder(async (folder) => {
    await writeFiles(folder, named("a.jpg", "locked/b.jpg", "z.jpg"));
    await Deno.chmod(join(folder, "locked"), 0);
    const isRoot = await Array.fromAsync(Deno.readDir(join(folder, "locked"))).then(() => true, () => false); // who may read everything
    const { shards: [shard] } = await openSource([folder]);
    const pictures = await Array.fromAsync(shard.open());
    await Deno.chmod(join(folder, "locked"), 0o700);
    assertEquals(pictures.map(({ key }) => key), isRoot ? ["a", "locked/b", "z"] : ["a", "locked", "z"]);
    if (!isRoot) await assertRejects(() => pictures[1].bytes(), Error);
  });
});

Deno.test("an archive is a shard of its name, which differs from those of others", async () => {
  await withFolder(async (folder) => {
    const archive = await tarOf("k/1.jpg", "k/1.cls", "2.png");
    const paths = [
      "train/000017.tar",
      "val/Failures.tar",
      "train/failures.tar",
      "val/000017.tar",
      "val/000018.tar",
      "val/p.jpg",
    ];
    await writeFiles(folder, Object.fromEntries(paths.map((path) => [path, archive])));
    const inputs = ["train/*.tar", "val/0000{17..18}.tar", "val/F*.tar", "val"].map((input) => join(folder, input));
    const { shards } = await openSource(inputs);
    assertEquals(shards.map(({ name }) => name), [
      ...["pictures-000000", "train_000017", "train_failures", "val_000017", "000018", "val_Failures"],
    ]);
    assertEquals(await contentOf(shards[1]), [["k/1", "k/1.jpg"], ["2", "2.png"]]);
  });
});

Deno.test("what is not there, and folders without pictures, are refused before anything is read", async () => {
  await withFolder(async (folder) => {
    const refused = (inputs: string[], message: string) => assertRejects(() => openSource(inputs), TypeError, message);
    await writeFiles(folder, named("x.txt"));
    await refused([folder], "expected pictures in it, found none");
    await refused([join(folder, "none.jpg")], "found nothing there");
    await refused([join(folder, "*.jpg")], "found nothing there");
    await refused([`@${join(folder, "none.txt")}`], "Cannot read the list");
    await assertRejects(() => openSource([], { shardSize: 0 }), RangeError, "shardSize");
  });
});

Deno.test("archives of the Hub are streamed with the token, and continued where the connection broke", async () => {
  const archive = await tarOf(...Array.from({ length: 40 }, (_, i) => `${i}.jpg`));
  let requests = 0;
  await using server = Deno.serve({ port: 0, onListen() {} }, (request) => {
    const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "") ?? [];
    if (request.headers.get("authorization") !== "Bearer hf_good") return new Response(null, { status: 401 });
    if (new URL(request.url).pathname !== "/datasets/me/mine/resolve/v1/train/000.tar") {
      return new Response(null, { status: 404 });
    }
    const from = Number(start ?? 0);
    const part = archive.subarray(from, end ? Number(end) + 1 : undefined);
    const isCut = !end && ++requests < 4;
    const body = isCut
      ? new ReadableStream({
        async start(controller) {
          controller.enqueue(part.slice(0, 10_000));
          await new Promise((resolve) => setTimeout(resolve, 20));
          controller.error(new Error("broken"));
        },
      })
      : part.slice();
    return new Response(body, {
      status: start === undefined ? 200 : 206,
      headers: { "content-range": `bytes ${from}-${from + part.length - 1}/${archive.length}` },
    });
  });
  const hubUrl = `http://localhost:${server.addr.port}`;
  const address = "hf://datasets/me/mine@v1/train/{000..000}.tar";
  const { shards } = await openSource([address], { hubUrl, token: "hf_good" });
  const content = await contentOf(shards[0]);
  assertEquals(content.length, 40);
  assertEquals(content[39], ["39", "39.jpg"]);
  assertEquals(requests, 4);
  const [denied] = (await openSource([address.replace("v1", "v2")], { hubUrl, token: "hf_good" })).shards;
  await assertRejects(() => contentOf(denied), Error, "Cannot load datasets/me/mine (status 404)");
});

Deno.test("archives and pictures of web servers are read, also from servers that send no parts", async () => {
  const archive = await tarOf("1.jpg", "2.jpg");
  await using server = Deno.serve({ port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/gone.tar") return new Response(null, { status: 404 });
    if (pathname === "/p.jpg") return new Response("p");
    return new Response(ReadableStream.from([archive.subarray(0, 700), archive.subarray(700)]));
  });
  const url = `http://localhost:${server.addr.port}`;
  assertEquals(await keysOf([`${url}/{0..1}.tar?key=1`, `${url}/p.jpg`]), {
    "pictures-000000": ["p"],
    "0": ["1", "2"],
    "1": ["1", "2"],
  });
  const [gone] = (await openSource([`${url}/gone.tar`])).shards;
  await assertRejects(() => contentOf(gone), Error, "status 404");
});

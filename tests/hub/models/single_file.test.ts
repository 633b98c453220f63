import { assert, assertEquals, assertRejects } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { HubError, type ModelFiles, openSingleFile, type SingleFileOptions, WeightsError } from "../../../hub/mod.ts";
import { withFolder, writeFiles } from "../../support/folders.ts";
import { bytesOf, floats, safetensorsFile } from "../files.ts";
import { bytesSent, type Place, preparePlace, tree } from "../hub_fixture.ts";
import { COMMIT, type HubFile } from "../server.ts";

const LARGE = 300_000;
const WEIGHTS = safetensorsFile(
  {
    large: { dtype: "F32", shape: [LARGE], data_offsets: [0, 4 * LARGE] },
    a: { dtype: "F32", shape: [1], data_offsets: [4 * LARGE, 4 * LARGE + 4] },
  },
  new Uint8Array(4 * LARGE),
  floats(7),
);
const YAML = "model: {target: taming}";
const CONFIG = { model: { target: "taming" } };

/** A repository with a checkpoint in a folder. */
const FILES: Record<string, HubFile> = {
  "README.md": { bytes: bytesOf("hello") },
  "sub dir/x.safetensors": { bytes: WEIGHTS, lfs: true },
  "sub dir/y.safetensors": { bytes: WEIGHTS, lfs: true },
  "sub dir/x.yaml": { bytes: bytesOf(YAML) },
  "configs/other.json": { bytes: bytesOf('{"b":2}') },
};

async function checked(files: ModelFiles): Promise<ModelFiles> {
  assertEquals(await files.weights.read("a"), Float32Array.of(7));
  await files.weights.close();
  return files;
}

function open({ hub, cacheDir }: Place, source: string | URL, options: SingleFileOptions = {}): Promise<ModelFiles> {
  return openSingleFile(source, { cacheDir, hubUrl: hub.url, token: "", timeout: 2_000, ...options });
}

Deno.test("openSingleFile opens a path or a file: URL, with the configuration beside it or the one given", async () => {
  await withFolder(async (folder) => {
    await writeFiles(folder, { "x.safetensors": WEIGHTS, "y.safetensors": WEIGHTS, "x.yaml": YAML, "o.yml": "b: 2" });
    const path = join(folder, "x.safetensors");
    for (const source of [path, toFileUrl(path), `${toFileUrl(path)}`]) {
      const { config, configPath, name } = await checked(await openSingleFile(source));
      assertEquals([config, configPath, name], [CONFIG, join(folder, "x.yaml"), path]);
    }
    assertEquals((await checked(await openSingleFile(join(folder, "y.safetensors")))).config, undefined);
    for (const config of [join(folder, "o.yml"), toFileUrl(join(folder, "o.yml")), { b: 2 }]) {
      assertEquals((await checked(await openSingleFile(path, { config }))).config, { b: 2 });
    }
  });
});

Deno.test("openSingleFile opens a file of the Hub by its place or its URL, through the cache", async () => {
  await using place = await preparePlace(FILES);
  const { config, commit, name } = await checked(await open(place, "owner/name/sub dir/x.safetensors"));
  assertEquals([config, commit, name], [CONFIG, COMMIT, "owner/name"]);
  const sent = bytesSent(place);
  for (const verb of ["blob", "resolve"]) {
    const url = `${place.hub.url}/owner/name/${verb}/main/sub%20dir/x.safetensors?download=true`;
    assertEquals((await checked(await open(place, verb === "blob" ? url : new URL(url)))).config, CONFIG);
  }
  assertEquals(bytesSent(place), sent, "the cache has it");
  assertEquals(tree(place.blobs).length, 2);
  const offline = await open(place, "owner/name/sub dir/x.safetensors", { localFilesOnly: true });
  assertEquals((await checked(offline)).config, CONFIG);
});

Deno.test("the configuration may be in a repository, too", async () => {
  await using place = await preparePlace(FILES);
  const source = "owner/name/sub dir/y.safetensors";
  assertEquals((await checked(await open(place, source))).config, undefined);
  for (const config of ["owner/name/configs/other.json", `${place.hub.url}/owner/name/blob/main/configs/other.json`]) {
    assertEquals((await checked(await open(place, source, { config }))).config, { b: 2 });
  }
});

Deno.test("of a file on a web server only the ranges that are read are requested, without a token", async () => {
  await using place = await preparePlace(FILES);
  const { hub } = place;
  await checked(await open(place, "owner/name/sub dir/x.safetensors")); // now it is in storage
  const path = hub.received.findLast(({ server }) => server === "storage")!.path;
  const before = bytesSent(place);
  const source = `${hub.storageUrl}${path}?key=1`;
  const files = await openSingleFile(source, { token: "hf_good", config: { b: 2 } });
  assertEquals((await checked(files)).config, { b: 2 });
  assertEquals(files.name, `${hub.storageUrl}${path}`);
  assert(bytesSent(place) - before < 2 * 64 * 1024 + 10);
  assert(hub.received.slice(-3).every(({ headers }) => !headers.has("authorization")));
});

Deno.test("a file on a server that sends whole files is kept in memory, and other answers are errors", async () => {
  const answers: Record<string, () => Response> = {
    "/x.safetensors": () => new Response(WEIGHTS),
    "/gone.safetensors": () => new Response("no", { status: 404 }),
    "/huge.safetensors": () => new Response(null, { headers: { "content-length": "9999999999" } }),
  };
  const fetch: typeof globalThis.fetch = (input) => Promise.resolve(answers[new URL(`${input}`).pathname]());
  await checked(await openSingleFile("https://example.org/x.safetensors", { fetch }));
  const offline = () => openSingleFile("https://example.org/x.safetensors", { fetch, localFilesOnly: true });
  await assertRejects(offline, HubError, "only files of this machine may be used");
  for (const [name, message] of [["gone", "status 404"], ["huge", "9999999999 bytes are too many"]]) {
    await assertRejects(() => openSingleFile(`https://example.org/${name}.safetensors`, { fetch }), HubError, message);
  }
});

Deno.test("openSingleFile says what is wrong with a source", async () => {
  await using place = await preparePlace(FILES);
  await withFolder(async (folder) => {
    const missing = join(folder, "x.ckpt");
    await assertRejects(() => openSingleFile(missing), HubError, 'expected the file "x.ckpt" in it');
    await writeFiles(folder, { "x.ckpt": "nothing" });
    await assertRejects(() => openSingleFile(missing), WeightsError, "x.ckpt");
    await assertRejects(() => openSingleFile(missing, { file: "y" } as never), TypeError, 'unknown option "file"');
  });
  await assertRejects(() => open(place, "x.ckpt"), HubError, "expected a file that exists, a URL, or");
  await assertRejects(() => open(place, "owner/name/"), HubError, "expected a file that exists, a URL, or");
  await assertRejects(() => open(place, "owner/name/x.ckpt"), HubError, 'expected the file "x.ckpt" in it');
  await assertRejects(() => open(place, "owner/na--me/x.ckpt"), HubError, "expected a repository");
});

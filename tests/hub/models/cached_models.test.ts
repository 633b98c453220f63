/** Listing, checking and removing the models in the cache. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { HubError, listCachedModels, removeCachedModel, verifyCachedModel } from "../../../hub/mod.ts";
import { makeFolder } from "../../support/folders.ts";
import { CONFIG, type Place, preparePlace, REPO, tree, WEIGHTS } from "../hub_fixture.ts";
import { COMMIT, sha256 } from "../server.ts";

async function loaded(): Promise<Place> {
  const place = await preparePlace();
  await place.load();
  return place;
}

Deno.test("the cache lists its models with their size, commits and last use, and nothing else", async () => {
  await using place = await loaded();
  const { cacheDir } = place;
  for (const other of ["datasets--owner--name", "models--owner--empty", "models--bad..name/blobs", ".vqmodel"]) {
    await Deno.mkdir(join(cacheDir, other), { recursive: true });
  }
  await Deno.symlink(place.folder, join(cacheDir, "models--owner--link"));
  await Deno.writeTextFile(join(cacheDir, "models--owner--file"), "");
  const [model, ...others] = await listCachedModels({ cacheDir });
  assertEquals(others, []);
  assertEquals(model.repo, REPO);
  assertEquals(model.folder, place.folder);
  assertEquals(model.bytes, CONFIG.length + WEIGHTS.length);
  assertEquals(model.revisions, [
    { commit: COMMIT, refs: ["main"], files: ["config.json", "diffusion_pytorch_model.safetensors"] },
  ]);
  assert(Math.abs(model.lastUsed!.getTime() - Date.now()) < 60_000);
});

Deno.test("an empty or absent cache has no models", async () => {
  const cacheDir = await makeFolder();
  assertEquals(await listCachedModels({ cacheDir }), []);
  assertEquals(await listCachedModels({ cacheDir: join(cacheDir, "absent") }), []);
  await Deno.remove(cacheDir);
});

Deno.test("an intact model has no damaged files; changed and missing bytes are found", async () => {
  await using place = await loaded();
  const { cacheDir } = place;
  assertEquals(await verifyCachedModel(REPO, { cacheDir }), []);

  const blob = join(place.blobs, sha256(WEIGHTS));
  const bytes = WEIGHTS.slice();
  bytes[1000] ^= 1;
  await Deno.writeFile(blob, bytes);
  await Deno.utime(blob, 1, 1);
  assertEquals((await verifyCachedModel(REPO, { cacheDir })).map(({ path }) => path), [blob]);

  await Deno.remove(blob);
  const [missing, ...others] = await verifyCachedModel(REPO, { cacheDir });
  assertEquals(others, []);
  assertEquals(missing.path, join(place.folder, "snapshots", COMMIT, "diffusion_pytorch_model.safetensors"));
});

Deno.test("a model is removed with its locks, and with what an interrupted removal left; other models stay", async () => {
  await using place = await loaded();
  const { cacheDir } = place;
  await Deno.mkdir(join(cacheDir, "models--other--name", "blobs"), { recursive: true });
  await Deno.mkdir(join(cacheDir, `.${crypto.randomUUID()}.removed`, "blobs"), { recursive: true });
  assertEquals(await removeCachedModel(REPO, { cacheDir }), CONFIG.length + WEIGHTS.length);
  assertEquals(tree(cacheDir), []);
  assertEquals((await listCachedModels({ cacheDir })).map(({ repo }) => repo), ["other/name"]);
  await place.load();
});

Deno.test("a model that is being downloaded is not removed, unless its process is dead", async () => {
  await using place = await loaded();
  const { cacheDir } = place;
  const lock = join(cacheDir, ".locks", "models--owner--name", `${sha256(WEIGHTS)}.vqmodel.lock`);
  await Deno.writeTextFile(lock, "holder");
  await assertRejects(() => removeCachedModel(REPO, { cacheDir }), HubError, "it is being downloaded");
  await Deno.utime(lock, 1, 1);
  await removeCachedModel(REPO, { cacheDir });
  assertEquals(await listCachedModels({ cacheDir }), []);
});

Deno.test("what is not in the cache is an error that names what is there, and no path leads out of it", async () => {
  await using place = await loaded();
  const { cacheDir } = place;
  for (const call of [removeCachedModel, verifyCachedModel]) {
    await assertRejects(() => call("owner/other", { cacheDir }), HubError, `the cache has ${REPO}`);
    await assertRejects(() => call("../outside", { cacheDir }), HubError);
    await assertRejects(() => call(REPO, { cachedir: cacheDir } as never), TypeError, "cacheDir");
  }
});

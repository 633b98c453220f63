/** Listing, checking and removing the models in the cache. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { HubError, listCachedModels, removeCachedModel, verifyCachedModel } from "../../../hub/mod.ts";
import { makeFolder } from "../../support/folders.ts";
import { testOnUnix } from "../../support/systems.ts";
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

testOnUnix("links that lead nowhere, pipes and folders among the files of a model do no harm", async () => {
  await using place = await loaded();
  const { cacheDir, folder } = place;
  await Deno.symlink("nowhere", join(folder, "refs/dangling"));
  await Deno.symlink("loop", join(folder, "refs/loop"));
  assertEquals((await new Deno.Command("mkfifo", { args: [join(folder, "refs/pipe")] }).output()).code, 0);
  await Deno.writeTextFile(join(folder, "blobs", `${"1".repeat(64)}.incomplete`), "part");
  await Deno.mkdir(join(folder, "blobs", "2".repeat(64)));
  await Deno.symlink("../../blobs/gone", join(folder, "snapshots", COMMIT, "gone.bin"));
  const [{ revisions }] = await listCachedModels({ cacheDir });
  assertEquals(revisions.map(({ refs }) => refs), [["main"]]);
  const damaged = (await verifyCachedModel(REPO, { cacheDir })).map(({ path }) => path.slice(folder.length + 1));
  assertEquals(damaged, [`blobs/${"2".repeat(64)}`, `snapshots/${COMMIT}/gone.bin`]);
  await removeCachedModel(REPO, { cacheDir });
  assertEquals(await listCachedModels({ cacheDir }), []);
});

Deno.test("two may remove models at the same time: one of them removes each, the other one says that it is gone", async () => {
  const cacheDir = await makeFolder();
  const repos = Array.from({ length: 20 }, (_, i) => `owner/model${i}`);
  for (const repo of repos) {
    const blobs = join(cacheDir, `models--${repo.replace("/", "--")}`, "blobs");
    await Deno.mkdir(join(blobs, "x/y"), { recursive: true });
    for (let i = 0; i < 20; i++) await Deno.writeTextFile(join(blobs, `${i}`), "");
  }
  const removals = [...repos, ...repos.toReversed()].map((repo) => removeCachedModel(repo, { cacheDir }));
  const results = await Promise.allSettled(removals);
  const failed = results.filter((result) => result.status === "rejected");
  assertEquals(failed.length, repos.length);
  for (const { reason } of failed) {
    assert(reason instanceof HubError && /^Cannot find owner\/model\d+ in the cache/.test(reason.message), reason);
  }
  assertEquals([...Deno.readDirSync(cacheDir)], []);
  await Deno.remove(cacheDir);
});

/** Models of the Hub that are saved, or pushed to it. */
import { assert, assertEquals } from "@std/assert";
import { VQModel } from "../../../mod.ts";
import { REPO, tree } from "../../hub/hub_fixture.ts";
import { loadGolden } from "../../support/golden.ts";
import { assertComputes, DEVICE, filesOf, OTHER, placeWith, reconstruct, SAFETENSORS } from "./place.ts";
import { withFolder } from "../../support/folders.ts";

Deno.test("savePretrained saves the commit that was loaded, wherever the branch is by then", async () => {
  await using place = await placeWith(filesOf("tiny-f4"));
  using model = await place.load();
  const repo = place.hub.repos[REPO];
  repo.commits[OTHER] = filesOf("tiny-amused");
  repo.refs.main = OTHER;
  using moved = await place.load(); // the cache knows as well that the branch moved
  await assertComputes(moved, loadGolden("tiny-amused"));
  await withFolder(async (folder) => {
    await model.savePretrained(folder);
    using saved = await VQModel.fromPretrained(folder, DEVICE);
    assertEquals(saved.config, model.config);
    await assertComputes(saved, loadGolden("tiny-f4"));
  });
  place.hub.goDown();
  await withFolder(async (folder) => {
    await model.savePretrained(folder);
    using saved = await VQModel.fromPretrained(folder, DEVICE);
    assertEquals(await reconstruct(saved), await reconstruct(model));
  });
});

Deno.test("savePretrained in shards makes a model that loads again and equals the first", async () => {
  await using place = await placeWith(filesOf("tiny-bin"));
  using model = await place.load();
  await withFolder(async (folder) => {
    await model.savePretrained(folder, { maxShardSize: "150KB" });
    const names = tree(folder);
    const shards = names.filter((name) => /^diffusion_pytorch_model-\d{5}-of-\d{5}\.safetensors$/.test(name));
    assert(shards.length >= 3, names.join(", "));
    assertEquals(names.filter((name) => !shards.includes(name)), ["config.json", `${SAFETENSORS}.index.json`]);
    using saved = await VQModel.fromPretrained(folder, DEVICE);
    assertEquals(saved.config, model.config);
    assertEquals(await reconstruct(saved), await reconstruct(model));
    await assertComputes(saved, loadGolden("tiny-bin"));
  });
});

Deno.test("pushToHub makes one commit, which loads again as the same model", async () => {
  await using place = await placeWith(filesOf("tiny-sharded"));
  using model = await place.load();
  const { hub, cacheDir } = place;
  hub.received.length = 0;
  const access = { hubUrl: hub.url, token: "hf_good" };
  const { commit, commitUrl } = await model.pushToHub("owner/copy", { ...access, commitMessage: "Try" });
  assertEquals(commitUrl, `${hub.url}/owner/copy/commit/${commit}`);
  assertEquals(hub.received.filter(({ path }) => path.includes("/commit/")).length, 1);
  const pushed = hub.repos["owner/copy"];
  assertEquals(Object.keys(pushed.commits).length, 2, "the one commit follows the empty one of a new repository");
  assertEquals(pushed.refs.main, commit);
  assertEquals(Object.keys(pushed.commits[commit]).sort(), ["config.json", SAFETENSORS]);

  using again = await VQModel.fromPretrained("owner/copy", { ...access, ...DEVICE, cacheDir });
  assertEquals(again.config, model.config);
  assertEquals(await reconstruct(again), await reconstruct(model));
  await assertComputes(again, loadGolden("tiny-sharded"));
});

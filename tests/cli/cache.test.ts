/** Looking after the cache. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { preparePlace, REPO, tree } from "../hub/hub_fixture.ts";
import { cli } from "./command.ts";

Deno.test("cache lists, checks and removes models", async () => {
  await using place = await preparePlace();
  await place.load();
  const run = (...args: string[]) => cli(["cache", ...args], { HF_HUB_CACHE: place.cacheDir });

  const listed = await run("list");
  assertEquals(listed.code, 0);
  assertStringIncludes(listed.stdout, `${REPO}  240 kB`);
  assertStringIncludes(listed.stdout, "1 model, 240 kB");
  const [model] = JSON.parse((await run("list", "--json")).stdout);
  assertEquals([model.repo, model.revisions[0].refs], [REPO, ["main"]]);

  assertEquals(await run("verify"), { code: 0, stdout: `${REPO}: intact\n`, stderr: "" });
  for await (const { name } of Deno.readDir(place.blobs)) await Deno.writeTextFile(`${place.blobs}/${name}`, "other");
  const damaged = await run("verify", REPO);
  assertEquals(damaged.code, 1);
  assertStringIncludes(damaged.stdout, `${REPO}: 2 damaged\n`);
  assertStringIncludes(damaged.stderr, "error: 2 damaged files: remove the model with cache remove");

  const unconfirmed = await run("remove", REPO);
  assertEquals(unconfirmed.code, 1);
  assertStringIncludes(unconfirmed.stderr, "pass --yes");
  assertEquals(await run("remove", REPO, "--yes"), { code: 0, stdout: `Removed ${REPO}: 10 B\n`, stderr: "" });
  assertEquals(tree(place.cacheDir), []);
  assertEquals(await run("list"), { code: 0, stdout: "The cache has no models\n", stderr: "" });
  assertStringIncludes((await run("remove", REPO, "-y")).stderr, `error: Cannot find ${REPO} in the cache`);
});

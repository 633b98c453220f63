/** The permissions that loading and computing take, and that nothing is printed: in processes of their own. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Tensor, VQModel } from "../../../mod.ts";
import { REPO, tree } from "../../hub/hub_fixture.ts";
import type { FakeHub } from "../../hub/server.ts";
import { syntheticImage } from "../../support/synthetic.ts";
import { loadGolden } from "../../support/golden.ts";
import { bytesSent, DEVICE, filesOf, optionsFor, placeWith, SAFETENSORS } from "./place.ts";
import { outcomeOf } from "./child.ts";
import { withFolder } from "../../support/folders.ts";
import { DEVICES } from "../../support/engines.ts";

const SHAPE = [1, 3, 32, 24];

/** The tokens that the process must find. */
async function tokensOf(name: string): Promise<number[]> {
  using model = await VQModel.fromPretrained(loadGolden(name).directory, DEVICE);
  using sample = new Tensor(syntheticImage(SHAPE, 1), SHAPE);
  return [...(await model.tokenize(sample)).indices];
}

for (const device of DEVICES) {
  const DENIED = ["--deny-env", "--deny-sys", "--deny-ffi", "--deny-run"];
  /** Only the Hub, and its storage. */
  const netOf = ({ url, storageUrl }: FakeHub) => `--allow-net=${[url, storageUrl].map((at) => new URL(at).host)}`;

  Deno.test(`network and cache are all the permissions that loading and computing on ${device} take`, async () => {
    await using place = await placeWith(filesOf("tiny-f4"));
    const { hub, cacheDir } = place;
    const args = { source: REPO, options: { ...optionsFor(place), device, threads: 2 }, shape: SHAPE };
    const cache = [`--allow-read=${cacheDir}`, `--allow-write=${cacheDir}`];
    const tokens = await tokensOf("tiny-f4");

    const first = await outcomeOf([netOf(hub), ...cache, ...DENIED], args);
    assertEquals(first.error, undefined);
    assertEquals(first.events, ["initiate", "download", "progress", "done", "load", "ready"]);
    assertEquals(first.tokens, tokens);
    const sent = bytesSent(hub);
    const second = await outcomeOf([netOf(hub), ...cache, ...DENIED], args);
    assertEquals(second.events, ["initiate", "done", "load", "ready"]);
    assertEquals(second.tokens, tokens);
    assertEquals(bytesSent(hub), sent);
    const offline = await outcomeOf([...cache, ...DENIED], args);
    assertEquals(offline.events, ["offline", "load", "ready"]);
    assertEquals(offline.tokens, tokens);
  });

  Deno.test(`without permission to write, or even to read, a model streams into memory for ${device}`, async () => {
    await using place = await placeWith(filesOf("tiny-sharded"));
    const { hub, cacheDir } = place;
    const options = { ...optionsFor(place), device, threads: 2 };
    const tokens = await tokensOf("tiny-sharded");
    for (const allowed of [[], [`--allow-read=${cacheDir}`]]) {
      const outcome = await outcomeOf([netOf(hub), ...allowed, "--deny-write", ...DENIED], {
        source: REPO,
        options,
        shape: SHAPE,
      });
      assertEquals(outcome.error, undefined);
      assertEquals(outcome.events, ["initiate", "download", "progress", "done", "load", "ready"]);
      assertEquals(outcome.tokens, tokens);
    }
    assertEquals(tree(cacheDir), []);
  });
}

Deno.test("the library prints nothing while it loads, computes, saves, pushes, retries, does without network, or fails", async () => {
  await using place = await placeWith(filesOf("tiny-f4"));
  const { hub } = place;
  await withFolder(async (folder) => {
    const options = { ...optionsFor(place), token: "hf_good" };
    const args = { source: REPO, options, shape: SHAPE };
    const failed = new Set<string>();
    hub.fault = ({ path }) => failed.size < failed.add(path).size ? { status: 503 } : undefined; // each one once
    const all = await outcomeOf(["-A"], { ...args, saveTo: join(folder, "saved"), pushTo: "owner/copy" });
    assertEquals(all.error, undefined);
    assertEquals(all.events.at(-1), "ready");
    assertEquals(tree(join(folder, "saved")), ["config.json", SAFETENSORS]);
    assert(hub.repos["owner/copy"]);
    const missing = await outcomeOf(["-A"], { ...args, source: "owner/none" });
    assertStringIncludes(missing.error!, "HubError: Cannot load owner/none (status 404)");
    hub.goDown();
    assertEquals((await outcomeOf(["-A"], args)).events, ["offline", "load", "ready"]);
  });
});

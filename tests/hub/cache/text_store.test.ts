/** Texts in the cache. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { openTextStore } from "../../../hub/mod.ts";
import { tree } from "../hub_fixture.ts";
import { withFolder } from "../../support/folders.ts";
import { withVariables } from "../../support/environment.ts";

async function withCache(use: (cache: string) => Promise<void>): Promise<void> {
  await withFolder((folder) => use(join(folder, "cache")));
}

Deno.test("a stored text is read back, and replaced atomically", async () => {
  await withCache(async (cache) => {
    const store = openTextStore(cache)!;
    assertEquals(await store.read("some"), undefined);
    await store.write("some", "long text");
    const writes = await Promise.allSettled(["a", "b", "c"].map((text) => store.write("some", text)));
    assert(writes.some(({ status }) => status === "fulfilled"), "of writes at the same time some may fail, not all");
    assertEquals(["a", "b", "c"].includes((await openTextStore(cache)!.read("some"))!), true);
    assertEquals(await store.read("other"), undefined);
    await Deno.writeFile(join(cache, ".vqmodel", "huge.json"), new Uint8Array(10_000_001));
    assertEquals(await store.read("huge"), undefined);
    await Deno.remove(join(cache, ".vqmodel", "huge.json"));
    assertEquals(tree(cache), [".vqmodel/some.json"]);
  });
});

Deno.test("texts are stored in the cache of the environment", async () => {
  await withCache(async (cache) => {
    await withVariables({ HF_HUB_CACHE: cache }, () => openTextStore()!.write("some", "text"));
    assertEquals(tree(cache), [".vqmodel/some.json"]);
  });
});

Deno.test({
  name: "without permission there is nothing to read, and nothing is written",
  permissions: { env: true, read: false, write: false },
  async fn() {
    const store = openTextStore("/nowhere")!;
    assertEquals(await store.read("some"), undefined);
    await assertRejects(() => store.write("some", "text"), Error, "no write access");
  },
});

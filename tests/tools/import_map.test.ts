import { assertEquals } from "@std/assert";

const readJson = async (url: string) => JSON.parse(await Deno.readTextFile(new URL(url, import.meta.url)));

Deno.test("the offline import map names every dependency, and differs from deno.json in the JSR ones alone", async () => {
  const { imports: online } = await readJson("../../deno.json");
  const { imports: offline } = await readJson("../../tools/offline/import_map.json");
  assertEquals(Object.keys(offline).sort(), Object.keys(online).sort());
  for (const [name, target] of Object.entries<string>(online)) {
    if (!target.startsWith("jsr:")) assertEquals(offline[name], target);
  }
});

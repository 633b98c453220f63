/** What tests of pages rely on: that a page's errors fail them. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { withFolder, writeFiles } from "../support/folders.ts";
import { filesOf, ISOLATION, startChromium, withPage } from "./chromium.ts";

Deno.test("pages are isolated by headers, have their own storage, and fail the test if they log errors", async () => {
  const browser = await startChromium();
  await withFolder(async (folder) => {
    await writeFiles(folder, { "page.js": "globalThis.isLoaded = true" });
    const open = (headers: Readonly<Record<string, string>>, script: string, mayLog?: RegExp) =>
      withPage(filesOf(folder, headers), "/page.html", async (page) => {
        await page.waitForFunction("globalThis.isLoaded");
        return await page.evaluate(script);
      }, { browser, mayLog });

    assertEquals(await open({}, "crossOriginIsolated"), false);
    assert(await open(ISOLATION, "crossOriginIsolated"));
    assertEquals(
      await open({ "content-security-policy": "script-src 'self'" }, "typeof WebAssembly.compile"),
      "function",
    );
    await open({}, "caches.open('mine')");
    assertEquals(await open({}, "caches.keys()"), []);
    await assertRejects(() => open({}, "console.error('wrong')"), Error, "wrong");
    await open({}, "console.error('wrong')", /^wrong$/);
    const uncaught =
      "new Promise((resolve) => setTimeout(() => { setTimeout(resolve); throw new Error('uncaught'); }))";
    await assertRejects(() => open({}, uncaught), Error, "uncaught");
  });
  await browser.close();
});

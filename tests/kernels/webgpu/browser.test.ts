/** The WebGPU engine in a browser: Chromium, on its software adapter. */
import { assertLess } from "@std/assert";
import { createBackend } from "../../../kernels/mod.ts";
import { bundleTo, filesOf, withPage } from "../../browser/chromium.ts";
import { testOn } from "../../support/engines.ts";
import { withFolder } from "../../support/folders.ts";
import { relativeError } from "../../support/golden.ts";
import { network, picture, setParameters } from "../every_op.ts";
import type {} from "./browser_page.ts";

testOn("webgpu", "every op is compiled and computed in Chromium, on its software adapter", async () => {
  await withFolder(async (folder) => {
    await bundleTo(folder, "tests/kernels/webgpu/browser_page.ts");
    const found = await withPage(filesOf(folder), "/browser_page.html", async (page) => {
      await page.waitForFunction("globalThis.everyOp");
      return await page.evaluate(() => globalThis.everyOp());
    });
    const backend = await createBackend("wasm", { threads: 1 });
    await setParameters(backend);
    const program = await backend.compile(network());
    for (const [i, result] of (await program.run([picture()])).entries()) {
      assertLess(relativeError(found[i], Array.from(await result.data())), 1e-4);
    }
    backend.dispose();
  });
});

/** The examples of the README for Node and for browsers, with the built package. */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { AMUSED, PICTURE } from "../cli/command.ts";
import { filesOf, ISOLATION, withPage } from "../browser/chromium.ts";
import { read } from "../support/checkout.ts";
import { withFolder, writeFiles } from "../support/folders.ts";
import { printedBy } from "../support/processes.ts";
import { build, stop } from "../../tools/bundling/esbuild.ts";
import { REPO } from "../hub/hub_fixture.ts";
import { FakeHub } from "../hub/server.ts";
import { buildDist } from "./dist.ts";
import { startRuntime } from "./runtimes.ts";

/** The examples in JavaScript below a heading of the README. */
function examplesOf(heading: string): string[] {
  const [section] = read("README.md").split(`### ${heading}\n`)[1].split(/^##/m);
  return [...section.matchAll(/```js ignore\n([\s\S]*?)```/g)].map(([, example]) => example);
}

/** A folder in which the package is installed, with a picture and files. */
async function withPackage(
  files: Record<string, string>,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    await Deno.mkdir(join(folder, "node_modules/@codebook"), { recursive: true });
    await Deno.symlink(await buildDist(), join(folder, "node_modules/@codebook/vqmodel"));
    await Deno.copyFile(PICTURE, join(folder, "picture.png"));
    await writeFiles(folder, files);
    await use(folder);
  });
}

Deno.test("the README's example for Node works", async () => {
  const [script] = examplesOf("Node");
  await withPackage({ "script.mjs": script.replace("amused/amused-256", AMUSED) }, async (folder) => {
    const printed = await printedBy(await startRuntime("node@20", ["script.mjs"], { cwd: folder }));
    assertMatch(printed, /^\d+ tokens, computed by \d+ threads\n$/);
    assertEquals((await Deno.stat(join(folder, "reconstruction.png"))).isFile, true);
  });
});

Deno.test("the README's example for browsers works: a model of the Hub in a worker", async () => {
  await using hub = new FakeHub();
  const names = ["config.json", "diffusion_pytorch_model.safetensors"];
  hub.add(REPO, Object.fromEntries(names.map((name) => [name, { bytes: Deno.readFileSync(join(AMUSED, name)) }])));
  const [worker, page] = examplesOf("Browser");
  const script = page.replace('"amused/amused-256", {', `"${REPO}", { hubUrl: ${JSON.stringify(hub.url)},`);
  await withPackage({ "page.js": script, "model_worker.js": worker }, async (folder) => {
    const entryPoints = ["page.js", "model_worker.js"].map((name) => join(folder, name));
    await build({ entryPoints, bundle: true, format: "esm", outdir: join(folder, "out"), logLevel: "error" });
    await stop();
    await Deno.copyFile(PICTURE, join(folder, "out/picture.png"));
    await withPage(filesOf(join(folder, "out"), ISOLATION), "/page.html", async (page) => {
      await page.waitForFunction("document.querySelector('canvas')");
    });
  });
});

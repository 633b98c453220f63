/** Applications that import the library, bundled by esbuild and by Vite without configuration. */
import { assertEquals } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { build, stop } from "../../tools/bundling/esbuild.ts";
import { copySources } from "../../tools/build/build.ts";
import { filesOf, ISOLATION, withPage } from "../browser/chromium.ts";
import { withFolder, writeFiles } from "../support/folders.ts";
import { assertSameCodes, loadGolden } from "../support/golden.ts";
import { repository } from "../support/paths.ts";
import { printedBy, start } from "../support/processes.ts";
import { buildDist } from "./dist.ts";
import { startRuntime } from "./runtimes.ts";
import "./app.js";

const APP = Deno.readTextFileSync(repository("tests/bundles/app.js"));
const WEIGHTS = "tests/fixtures/golden/tiny-default/diffusion_pytorch_model.safetensors";
const PICTURES = [
  ...["golden/jpeg-420.jpg", "golden/webp-lossy.webp", "golden/tiff-lzw.tif", "golden/gif.gif", "golden/bmp.bmp"],
  ...["early/420-3.jpg", "formats/420.avif", "formats/420.avif.png"],
].map((name) => `tests/fixtures/pictures/${name}`);

/** What `globalThis.run` of app.js takes and returns. */
interface Request {
  readonly weights: string;
  readonly config: Record<string, unknown>;
  readonly sample: { readonly data: number[]; readonly shape: readonly number[] };
  readonly pictures: readonly string[];
  readonly device: "wasm" | "webgpu";
  readonly threads: number;
}
interface Answer {
  readonly device: string;
  readonly threads: number;
  readonly indices: number[];
  readonly bytes: number;
  readonly sums: number[];
}
declare global {
  var run: (request: Request) => Promise<Answer>;
}

const golden = loadGolden("tiny-default");
const { data, shape } = golden.tensor("sample");
const expected = await run(requestFor(repository, "wasm"));

/** A request for the golden; `locate` makes a path or a URL of a path in the checkout. */
function requestFor(locate: (path: string) => string, device: Request["device"]): Request {
  return {
    weights: locate(WEIGHTS),
    config: golden.config,
    sample: { data: [...data], shape },
    pictures: PICTURES.map(locate),
    device,
    threads: 2,
  };
}

/** An application that imports the built package, or the sources, in a folder of its own. */
async function withApp(from: "package" | "sources", use: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const html = '<!doctype html><script type="module" src="/app.js"></script>';
    if (from === "sources") {
      await copySources(folder);
    } else {
      await Deno.mkdir(join(folder, "node_modules/@codebook"), { recursive: true });
      await Deno.symlink(await buildDist(), join(folder, "node_modules/@codebook/vqmodel"));
    }
    const app = from === "sources" ? APP.replace("@codebook/vqmodel", "./mod.ts") : APP;
    await writeFiles(folder, { "index.html": html, "app.js": app });
    await use(folder);
  });
}

async function checkInNode(script: string): Promise<void> {
  const request = JSON.stringify(requestFor(repository, "wasm"));
  const code = `await import(${
    JSON.stringify(toFileUrl(script).href)
  }); console.log(JSON.stringify(await run(${request})))`;
  const answer = await printedBy(await startRuntime("node@20", ["--input-type=module", "-e", code]));
  assertEquals(JSON.parse(answer), expected);
}

async function checkInBrowser(folder: string, device: Request["device"], isolated: boolean): Promise<void> {
  await withPage(filesOf(folder, isolated ? ISOLATION : {}), "/index.html", async (page, origin) => {
    await page.waitForFunction("globalThis.run");
    const request = requestFor((path) => `${origin}/repository/${path}`, device);
    const answer = await page.evaluate((request) => globalThis.run(request), request);
    const threads = device === "wasm" && isolated ? 2 : 1;
    assertSameCodes(answer.indices, golden.integers("indices").data, golden.tensor("margin").data, "tokens");
    if (device === "wasm") assertEquals(answer, { ...expected, threads });
    else assertEquals({ ...answer, bytes: 0 }, { ...expected, device, threads, bytes: 0 });
  });
}

for (const from of ["package", "sources"] as const) {
  Deno.test(`an application with the ${from} runs in Node and in a browser, bundled by esbuild`, async (t) => {
    await withApp(from, async (folder) => {
      const outfile = join(folder, "out/app.js");
      await build({ entryPoints: [join(folder, "app.js")], bundle: true, outfile, logLevel: "error" });
      await Deno.copyFile(join(folder, "index.html"), join(folder, "out/index.html"));
      await t.step("in Node", () => checkInNode(outfile));
      await t.step("in Node, minified and with all names kept", async () => {
        const outfile = join(folder, "out/minified.js");
        await build({
          entryPoints: [join(folder, "app.js")],
          bundle: true,
          outfile,
          minify: true,
          keepNames: true,
          logLevel: "error",
        });
        await stop();
        await checkInNode(outfile);
      });
      await t.step("in an isolated page", () => checkInBrowser(join(folder, "out"), "wasm", true));
      await t.step("in a page without shared memory", () => checkInBrowser(join(folder, "out"), "wasm", false));
      if (from === "package") await t.step("on WebGPU", () => checkInBrowser(join(folder, "out"), "webgpu", false));
    });
  });

  Deno.test(`an application with the ${from} runs in a browser, bundled by Vite`, async () => {
    await withApp(from, async (folder) => {
      const vite = start("npx", ["-y", "vite@8.3.8", "build", "--logLevel=error"], { cwd: folder });
      await printedBy(vite);
      await checkInBrowser(join(folder, "dist"), "wasm", true);
    });
  });
}

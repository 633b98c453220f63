/** The WebGPU engine in a browser: Chrome, on its software adapter. */
import { assert, assertLess, assertStringIncludes } from "@std/assert";
import { createBackend } from "../../../kernels/mod.ts";
import { findBrowser } from "../../../tools/setup/browser.ts";
import { relativeError } from "../../support/golden.ts";
import { network, picture, setParameters } from "../every_op.ts";
import { testOn } from "../../support/engines.ts";
import { repository } from "../../support/paths.ts";
import { IMPORT_MAP, printedBy, start, startDeno } from "../../support/processes.ts";

const SCRIPT = repository("tests/kernels/webgpu/browser_script.ts");
const FLAGS = ["--headless=new", "--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** The text that a page with a script posts, within two minutes. */
async function postOf(script: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    if (request.method === "POST") {
      resolve(await request.text());
      return new Response();
    }
    const isScript = request.url.endsWith("/script.js");
    const headers = { "content-type": isScript ? "text/javascript" : "text/html" };
    return new Response(isScript ? script : "<script type=module src=/script.js></script>", { headers });
  });
  const name = await findBrowser();
  assert(name, "found no browser; deno run -A tools/setup/setup_browser.ts installs one, or says how");
  const address = `http://127.0.0.1:${server.addr.port}/`;
  const profile = await Deno.makeTempDir();
  const browser = start(name, [...FLAGS, `--user-data-dir=${profile}`, address], { stdout: "null", stderr: "null" });
  const late = setTimeout(() => resolve("nothing came within two minutes"), 120_000);
  try {
    return await promise;
  } finally {
    clearTimeout(late);
    browser.kill();
    await browser.status;
    await server.shutdown();
    await Deno.remove(profile, { recursive: true }).catch(() => {}); // the browser's last children may write to it
  }
}

testOn("webgpu", "every op is compiled and computed in Chrome, on its software adapter", async () => {
  const args = ["bundle", "--quiet", IMPORT_MAP, "--platform=browser", SCRIPT];
  const text = await postOf(await printedBy(startDeno(args)));
  assertStringIncludes(text, "[[", text.slice(0, 1000));
  const found: number[][] = JSON.parse(text);

  const backend = await createBackend("wasm", { threads: 1 });
  await setParameters(backend);
  const program = await backend.compile(network());
  for (const [i, result] of (await program.run([picture()])).entries()) {
    assertLess(relativeError(found[i], Array.from(await result.data())), 1e-4);
  }
  backend.dispose();
});

/** The built package in Node, each version that is supported, and in Bun. */
import { assertEquals } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { buildDist } from "./dist.ts";
import { startRuntime } from "./runtimes.ts";
import { testOn } from "../support/engines.ts";
import { fixture, repository } from "../support/paths.ts";
import { printedBy } from "../support/processes.ts";
import { FakeHub } from "../hub/server.ts";
import { withFolder } from "../support/folders.ts";

/** Versions of npm's packages of the same names. */
const RUNTIMES = ["node@20", "node@22", "node@24", "bun@1"];
const GOLDENS = { "tiny-default": 256, "tiny-attn": 192, "tiny-movq": 96, "tiny-f16": 128, "tiny-sharded": 144 };

/** Runs a script with the built package, and returns what it prints. */
async function run(runtime: string, script: string, ...args: string[]): Promise<string> {
  const module = toFileUrl(join(await buildDist(), "mod.js")).href;
  const command = [repository(`tests/bundles/${script}`), module, ...args];
  return await printedBy(await startRuntime(runtime, command, { signal: AbortSignal.timeout(120_000) }));
}

for (const runtime of RUNTIMES) {
  testOn("wasm", `the built package computes the goldens in ${runtime}, on one thread and on two`, async () => {
    const folders = Object.keys(GOLDENS).map((name) => fixture(`golden/${name}`));
    const printed = await run(runtime, "golden_script.js", ...folders);
    assertEquals(printed, Object.entries(GOLDENS).map(([name, tokens]) => `${name}: ${tokens} tokens\n`).join(""));
  });
}

testOn("wasm", "the built package loads from a Hub, from the cache, saves and pushes in Node 20", async () => {
  await using hub = new FakeHub();
  const read = (name: string) => Deno.readFileSync(fixture(`golden/tiny-default/${name}`));
  hub.add("owner/name", {
    "config.json": { bytes: read("config.json") },
    "diffusion_pytorch_model.safetensors": { bytes: read("diffusion_pytorch_model.safetensors"), lfs: true },
  });
  await withFolder(async (folder) => {
    // Not in Node 22 and 24: their fetch ends the process when a server closes a connection early (nodejs/undici#5360).
    const { numbers, commit } = JSON.parse(await run("node@20", "hub_script.js", hub.url, folder));
    assertEquals(numbers, [...numbers].fill(numbers[0]));
    const pushed = hub.repos["owner/new"].commits[commit];
    assertEquals(Object.keys(pushed).sort(), ["config.json", "diffusion_pytorch_model.safetensors"]);
  });
});

Deno.test("every part of the built package can be imported in Node 20", async () => {
  const dist = await buildDist();
  const { exports } = JSON.parse(await Deno.readTextFile(join(dist, "package.json")));
  const modules = Object.values<{ default: string }>(exports).map((face) => toFileUrl(join(dist, face.default)).href);
  const code = `for (const module of ${JSON.stringify(modules)}) await import(module);`;
  assertEquals(await printedBy(await startRuntime("node@20", ["--input-type=module", "-e", code])), "");
});

testOn(
  "wasm",
  "a model in a worker of Node computes what it does outside, until the worker is terminated",
  async () => {
    const module = toFileUrl(join(await buildDist(), "mod.js")).href;
    const script = repository("tests/bundles/worker_script.js");
    const signal = AbortSignal.timeout(60_000);
    const args = [script, module, fixture("golden/tiny-default")];
    assertEquals(await printedBy(await startRuntime("node@20", args, { signal })), "DeviceError\n");
  },
);

/** The built package in Node, each version that is supported, and in Bun. */
import { assertEquals } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { buildDist } from "./dist.ts";
import { testOn } from "../support/engines.ts";
import { fixture, repository } from "../support/paths.ts";
import { printedBy, start } from "../support/processes.ts";

/** Versions of npm's packages of the same names. */
const RUNTIMES = ["node@20", "node@22", "node@24", "bun@1"];
const GOLDENS = { "tiny-default": 256, "tiny-attn": 192, "tiny-movq": 96, "tiny-f16": 128, "tiny-sharded": 144 };

for (const runtime of RUNTIMES) {
  testOn("wasm", `the built package computes the goldens in ${runtime}, on one thread and on two`, async () => {
    const module = toFileUrl(join(await buildDist(), "mod.js")).href;
    const folders = Object.keys(GOLDENS).map((name) => fixture(`golden/${name}`));
    const script = repository("tests/bundles/golden_script.js");
    const signal = AbortSignal.timeout(120_000);
    const printed = await printedBy(start("npx", ["-y", runtime, script, module, ...folders], { signal }));
    assertEquals(printed, Object.entries(GOLDENS).map(([name, tokens]) => `${name}: ${tokens} tokens\n`).join(""));
  });
}

/** The CPU engine in processes of their own: Deno without permissions, Node, and V8 with wider vectors. */
import { assert, assertEquals } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { withFolder } from "../../support/folders.ts";
import { repository } from "../../support/paths.ts";
import { IMPORT_MAP, printedBy, start } from "../../support/processes.ts";
import { testOn } from "../../support/engines.ts";

const SCRIPT = repository("tests/kernels/wasm/script.ts");
const EXPECTED = "2 threads: 65 97 65 97 145 97 65 97 65\n";

/** What a command prints; it must end by itself. */
async function outputOf(command: string, args: string[]): Promise<string> {
  return await printedBy(start(command, args, { signal: AbortSignal.timeout(60_000) }));
}

testOn(
  "wasm",
  "a script without permissions computes on two threads and ends, though it disposes of nothing",
  async () => {
    assertEquals(await outputOf(Deno.execPath(), ["run", "--no-prompt", IMPORT_MAP, SCRIPT]), EXPECTED);
  },
);

testOn("wasm", "the same script runs in Node", async () => {
  await withFolder(async (folder) => {
    const bundle = join(folder, "script.mjs");
    await outputOf(Deno.execPath(), ["bundle", "--quiet", IMPORT_MAP, "--platform=deno", "-o", bundle, SCRIPT]);
    assertEquals(await outputOf("node", [bundle]), EXPECTED);
  });
});

/** Whether the processor has vectors of 256 bits with fused products, which V8 needs; known on Linux only. */
async function hasWideVectors(): Promise<boolean | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  return Deno.build.arch === "x86_64" && /\bavx2\b/.test(await outputOf("cat", ["/proc/cpuinfo"]));
}

testOn("wasm", "vectors of 256 bits are noticed where V8 makes them, and only there", async () => {
  const wide = toFileUrl(repository("kernels/wasm/threads/revectorize.ts"));
  const script = `import { vectorsAreWide } from "${wide}"; console.log(await vectorsAreWide());`;
  // A measurement that is disturbed may say anything, so one right answer of three counts.
  const says = async (expected: boolean, ...flags: string[]) => {
    for (let i = 0; i < 3; i++) {
      if (await outputOf(Deno.execPath(), ["eval", ...flags, script]) === `${expected}\n`) return true;
    }
    return false;
  };
  assert(await says(false), "without the flag there are none");
  const expected = await hasWideVectors();
  if (expected === undefined) return;
  assert(await says(expected, "--v8-flags=--experimental-wasm-revectorize"), `with the flag, expected ${expected}`);
});

/** The CPU engine in processes of their own: Deno without permissions, Node, and V8 with wider vectors. */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const SCRIPT = fromFileUrl(new URL("./script.ts", import.meta.url));
const IMPORT_MAP = `--import-map=${fromFileUrl(new URL("../../../tools/offline/import_map.json", import.meta.url))}`;
const EXPECTED = "2 threads: 65 97 65 97 145 97 65 97 65\n";

/** What a command prints; it must end by itself. */
async function outputOf(command: string, args: string[]): Promise<string> {
  const signal = AbortSignal.timeout(60_000);
  const { success, stdout, stderr } = await new Deno.Command(command, { args, signal }).output();
  if (!success) throw new Error(`${command} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

Deno.test("a script without permissions computes on two threads and ends, though it disposes of nothing", async () => {
  assertEquals(await outputOf(Deno.execPath(), ["run", "--no-prompt", IMPORT_MAP, SCRIPT]), EXPECTED);
});

Deno.test("the same script runs in Node", async () => {
  const bundle = await Deno.makeTempFile({ suffix: ".mjs" });
  try {
    await outputOf(Deno.execPath(), ["bundle", "--quiet", IMPORT_MAP, "--platform=deno", "-o", bundle, SCRIPT]);
    assertEquals(await outputOf("node", [bundle]), EXPECTED);
  } finally {
    await Deno.remove(bundle);
  }
});

/** Whether the processor has vectors of 256 bits with fused products, which V8 needs; known on Linux only. */
async function hasWideVectors(): Promise<boolean | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  return Deno.build.arch === "x86_64" && /\bavx2\b/.test(await outputOf("cat", ["/proc/cpuinfo"]));
}

Deno.test("vectors of 256 bits are noticed where V8 makes them, and only there", async () => {
  const wide = new URL("../../../kernels/wasm/threads/revectorize.ts", import.meta.url);
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

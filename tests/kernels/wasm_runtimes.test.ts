/** The CPU engine in processes of their own: Deno without permissions, and Node. */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const SCRIPT = fromFileUrl(new URL("./wasm_script.ts", import.meta.url));
const IMPORT_MAP = `--import-map=${fromFileUrl(new URL("../offline/import_map.json", import.meta.url))}`;
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

// deno-lint-ignore-file no-console
/**
 * Bundles the program of picture workers to a module that holds its text, deflated, in base64.
 *
 * With `--check` only checks whether the module is up to date, by a hash of its sources: other versions of the bundler write
 * other text for the same sources.
 */

import { base64Literal } from "../kernels/wasm/build/base64_literal.ts";

const ENTRY = "model/images/workers/program.ts";
const OUTPUT = "model/images/workers/program.gen.ts";
const ROOT = new URL("..", import.meta.url);

/** Runs Deno in the project's root. */
async function deno(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** A hash of the program's sources, and of the names of its packages. */
async function hashOfSources(): Promise<string> {
  const { modules } = JSON.parse(await deno("info", "--json", ...importMap, ENTRY)) as {
    modules: { specifier: string; local?: string }[];
  };
  const sources = modules.map(({ specifier, local }) => {
    if (!specifier.startsWith("file:")) return specifier;
    return specifier.slice(ROOT.href.length) + "\n" + Deno.readTextFileSync(local!);
  });
  const bytes = new TextEncoder().encode(sources.sort().join("\n"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

async function bundle(): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await deno("bundle", "--format=iife", "--platform=browser", "--minify", ...importMap, "-o", file, ENTRY);
    const packed = (await Deno.open(file)).readable.pipeThrough(new CompressionStream("deflate-raw"));
    return new Uint8Array(await new Response(packed).arrayBuffer()).toBase64();
  } finally {
    await Deno.remove(file);
  }
}

const importMap = Deno.args.filter((arg) => arg.startsWith("--import-map"));
const hash = await hashOfSources();
const output = new URL(OUTPUT, ROOT);
if (!Deno.args.includes("--check")) {
  await Deno.writeTextFile(
    output,
    `// Bundled from program.ts by \`deno task codecs\`: do not edit.
// deno-fmt-ignore-file
// Sources: ${hash}

/** The program, deflated, in base64. */
export const PROGRAM: string = ${base64Literal(await bundle())};
`,
  );
} else if (!(await Deno.readTextFile(output)).includes(`// Sources: ${hash}\n`)) {
  console.error(`${OUTPUT} is not of today's sources; run deno task codecs`);
  Deno.exitCode = 1;
}

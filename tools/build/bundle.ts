/** The JavaScript of the package: one module for each part, and chunks, which are loaded when they are first used. */
import { build } from "../bundling/esbuild.ts";
import { join } from "node:path";
import { nodeBuiltins } from "../bundling/node_builtins.ts";

/** Packages that `deno task codecs` has bundled already. */
const BUNDLED = ["@huggingface/hub", "@cornerstonejs/codec-libjpeg-turbo-8bit"];

/** Bundles the entries of a folder, with their packages and these packages' licenses, into another. */
export async function bundle(folder: string, entries: readonly string[], dist: string): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: folder,
    entryPoints: entries.map((entry) => ({ in: entry, out: entry.replace(/\.ts$/, "") })),
    outdir: dist,
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    charset: "utf8",
    define: { "import.meta.main": "true" }, // of cli.ts, which only runs
    plugins: [nodeBuiltins],
    metafile: true,
    logLevel: "warning",
  });
  for (const output of Object.keys(metafile.outputs)) await removeBareImports(join(folder, output));
  const packages = new Set(
    Object.keys(metafile.inputs).map((path) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0]),
  );
  packages.delete(undefined);
  for (const name of BUNDLED) packages.add(`node_modules/${name}`);
  const texts = await Promise.all([...packages].sort().map((path) => licenseOf(join(folder, path!))));
  await Deno.writeTextFile(join(dist, "LICENSES.txt"), texts.join("\n"));
}

/** Removes imports for side effects, of which there are none: other bundlers would warn of them. */
async function removeBareImports(path: string): Promise<void> {
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.replace(/\bimport"\.[^"]*";/g, ""));
}

/** The name and the license of a package. */
async function licenseOf(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(await Deno.readTextFile(join(folder, "package.json")));
  const files = [...Deno.readDirSync(folder)].filter((entry) => /^licen[cs]e/i.test(entry.name));
  const texts = await Promise.all(files.map((entry) => Deno.readTextFile(join(folder, entry.name))));
  return `${name} ${version}: ${license}\n\n${texts.join("\n")}`;
}

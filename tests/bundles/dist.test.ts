/** What `deno task build` writes: how large its start is, which syntax it uses, and what it imports. */
import { assertEquals, assertLess } from "@std/assert";
import { join } from "@std/path";
import { parse } from "npm:acorn@8.19.0";
import { copySources } from "../../tools/build/build.ts";
import { build, type Metafile, stop } from "../../tools/bundling/esbuild.ts";
import { withFolder } from "../support/folders.ts";
import { buildDist } from "./dist.ts";

/** Most bytes that a page needs at the start: minified, and compressed by gzip. */
const MAX_START = 150_000;

/** What is loaded when it is first used, not at the start. */
const LATER = [
  /^kernels\/(wasm|webgpu)\//,
  /^model\/checkpoints\//,
  /^model\/images\/codecs\/(avif|webp|tiff|bmp|gif)/,
  /^model\/images\/codecs\/\w+\/(decoder|wasm\.gen|turbo.*)\.\w+$/,
  /^model\/images\/workers\/program/,
  /^model\/save\.ts$/,
  /^hub\/remote\/package\//,
  /\/node_modules\/(yaml|pako|@noble|@jsquash)\//,
];

/** Bundles a module for browsers, minified, into a folder's `out`. */
async function bundle(folder: string, module: string): Promise<Metafile> {
  const options = { bundle: true, format: "esm", splitting: true, minify: true, metafile: true } as const;
  const { metafile } = await build({
    ...options,
    absWorkingDir: folder,
    entryPoints: { start: module },
    outdir: "out",
  });
  await stop();
  return metafile;
}

/** The files of a bundle that its start consists of. */
function startOf({ outputs }: Metafile): string[] {
  const found = new Set(["out/start.js"]);
  for (const file of found) {
    for (const { path, kind } of outputs[file].imports) if (kind === "import-statement") found.add(path);
  }
  return [...found];
}

async function gzippedSize(path: string): Promise<number> {
  const packed = (await Deno.open(path)).readable.pipeThrough(new CompressionStream("gzip"));
  return (await new Response(packed).bytes()).length;
}

Deno.test("a page starts with at most 150 kB, without engines, decoders and other families", async () => {
  await withFolder(async (folder) => {
    await copySources(folder);
    const metafile = await bundle(folder, "./mod.ts");
    const start = startOf(metafile);
    const modules = start.flatMap((file) => Object.entries(metafile.outputs[file].inputs))
      .map(([path, { bytesInOutput }]) => ({ path, bytes: bytesInOutput }))
      .filter(({ bytes }) => bytes > 0);
    assertEquals(modules.filter(({ path }) => LATER.some((pattern) => pattern.test(path))), []);

    const sizes = await Promise.all(start.map((file) => gzippedSize(join(folder, file))));
    const list = modules.sort((a, b) => b.bytes - a.bytes).map(({ path, bytes }) => `${bytes} ${path}`).join("\n");
    assertLess(sizes.reduce((a, b) => a + b), MAX_START, `the modules, before compression:\n${list}\n`);
  });
});

Deno.test("a page starts with at most 150 kB of the built package", async () => {
  await withFolder(async (folder) => {
    const start = startOf(await bundle(folder, join(await buildDist(), "mod.js")));
    const sizes = await Promise.all(start.map((file) => gzippedSize(join(folder, file))));
    assertLess(sizes.reduce((a, b) => a + b), MAX_START);
  });
});

/** The JavaScript files of a folder and those below it. */
async function* scriptsIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* scriptsIn(join(folder, name));
    else if (name.endsWith(".js")) yield join(folder, name);
  }
}

Deno.test("the built package is JavaScript of 2022, and imports only its own files", async () => {
  const dist = await buildDist();
  const imported = /\b(?:from|import)\s*\(?\s*"[\w@][\w@:/.-]*"/g;
  for await (const path of scriptsIn(dist)) {
    const text = await Deno.readTextFile(path);
    parse(text, { ecmaVersion: 2022, sourceType: "module", allowHashBang: true }); // throws at newer syntax
    assertEquals([...text.matchAll(imported)].map(([found]) => found), [], path);
  }
});

Deno.test("the built package names its parts, their types, and the versions of Node", async () => {
  const dist = await buildDist();
  const { exports, ...manifest } = JSON.parse(await Deno.readTextFile(join(dist, "package.json")));
  const { name, version, license } = JSON.parse(await Deno.readTextFile("deno.json"));
  assertEquals([manifest.name, manifest.version, manifest.license], [name, version, license]);
  assertEquals([manifest.type, manifest.sideEffects, manifest.engines], ["module", false, { node: ">=20.16" }]);
  assertEquals(manifest.dependencies, undefined);
  assertEquals(manifest.bin, { vqmodel: "./cli.js" });
  assertEquals(Object.keys(exports), [".", "./hub", "./kernels", "./datasets"]);
  const files = Object.values<Record<string, string>>(exports).flatMap((face) => Object.values(face));
  for (const file of [...files, manifest.bin.vqmodel, "README.md", "LICENSE", "LICENSES.txt"]) {
    await Deno.stat(join(dist, file));
  }
});

/** Who may import whom, and other rules of the house that no linter knows. */
import { assertEquals } from "@std/assert";
import { fromFileUrl, join, relative } from "@std/path";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
const FILES = listFiles();

/** Each area, with the areas it may import besides itself. Tests may import everything. */
const MAY_IMPORT: Record<string, string[]> = {
  kernels: ["deno.json"],
  hub: [],
  model: ["kernels", "hub"],
  "mod.ts": ["model", "kernels", "hub"],
  "cli.ts": ["cli", "mod.ts", "deno.json"],
  cli: ["mod.ts"],
  examples: ["mod.ts"],
};

const LAYOUT = new Set([
  ...Object.keys(MAY_IMPORT),
  ...["tests", "tools", "docs", ".ci", ".github", ".gitattributes", ".gitignore"],
  ...["deno.json", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"],
]);

Deno.test("the files of a checkout are where the layout has a place for them", () => {
  assertEquals(FILES.filter((file) => !LAYOUT.has(areaOf(file))), []);
});

Deno.test("imports point from examples and cli to mod.ts to model to kernels and hub", () => {
  const wrong = modules(...Object.keys(MAY_IMPORT)).flatMap((file) =>
    importsOf(file)
      .filter((imported) => ![areaOf(file), ...MAY_IMPORT[areaOf(file)]].includes(areaOf(imported)))
      .map((imported) => `${file} imports ${imported}`)
  );
  assertEquals(wrong, []);
});

Deno.test("kernels and model run wherever JavaScript does: they do not call Deno", () => {
  const tools = ["kernels/wasm/build/build.ts", "kernels/wasm/build/compile.ts"];
  const shipped = modules("kernels", "model").filter((file) => !tools.includes(file));
  assertEquals(shipped.filter((file) => /\bDeno\./.test(codeOf(file))), []);
});

Deno.test("the library never prints", () => {
  const library = modules("kernels", "model", "hub", "mod.ts");
  assertEquals(library.filter((file) => /\bconsole\./.test(codeOf(file))), []);
});

Deno.test("no file names the host of a package registry: each client knows its own", () => {
  const hosts = [["jsr", "io"], ["registry", "npmjs", "org"], ["deb", "debian", "org"]].map((name) => name.join("."));
  const text = FILES.filter((file) => !/\.(png|jpg|safetensors|bin)$/.test(file));
  assertEquals(text.filter((file) => hosts.some((host) => read(file).includes(host))), []);
});

/** Every file of the checkout, relative to its root, less what .gitignore names and others' hidden folders. */
function listFiles(): string[] {
  const ignored = new Set(read(".gitignore").split("\n").map((line) => line.replaceAll("/", "")));
  const hidden = (name: string) => name.startsWith(".") && ![".ci", ".github", ".gitattributes"].includes(name);
  function walk(folder: string): string[] {
    return [...Deno.readDirSync(folder)]
      .filter(({ name }) => !hidden(name) && !ignored.has(name))
      .flatMap(({ name, isDirectory }) => isDirectory ? walk(join(folder, name)) : [join(folder, name)]);
  }
  return walk(ROOT).map((file) => relative(ROOT, file).replaceAll("\\", "/"));
}

function areaOf(file: string): string {
  return file.split("/")[0];
}

function modules(...areas: string[]): string[] {
  return FILES.filter((file) => file.endsWith(".ts") && areas.includes(areaOf(file)));
}

function read(file: string): string {
  return Deno.readTextFileSync(join(ROOT, file));
}

function codeOf(file: string): string {
  return read(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}

/** The project's own files that a module imports, statically, dynamically, as a worker or for its types. */
function importsOf(file: string): string[] {
  const statement = /(?:^(?:import|export)\b[^;"]*|\bimport\(\s*|\bnew URL\(\s*)"(\.[^"]*|@codebook\/vqmodel[^"]*)"/gm;
  return [...codeOf(file).matchAll(statement)].map(([, specifier]) =>
    specifier.startsWith(".") ? relative(ROOT, join(ROOT, file, "..", specifier)).replaceAll("\\", "/") : "mod.ts"
  );
}

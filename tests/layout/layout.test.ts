/** Who may import whom, and other rules of the house that no linter knows. */
import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { areaOf, codeOf, FILES, importsOf, modulesOf, read } from "../support/checkout.ts";
import { entriesOf, findCircle, findInsides, findUpward, type Floors } from "./import_graph.ts";

/** Each area, with the areas it may import besides itself. Tests and tools may import everything. */
const MAY_IMPORT: Record<string, string[]> = {
  kernels: ["deno.json"],
  hub: [],
  model: ["kernels", "hub"],
  "mod.ts": ["model", "kernels", "hub"],
  datasets: ["mod.ts", "hub", "deno.json"],
  "cli.ts": ["cli", "datasets", "mod.ts", "deno.json"],
  cli: ["datasets", "mod.ts"],
  examples: ["mod.ts"],
};

/** What outsiders may import of a folder. */
const FACES: Record<string, string[]> = {
  // `host/mod.ts` is apart since the pictures' worker is bundled with it, and needs no kernel.
  kernels: ["mod.ts", "host/mod.ts"],
  "kernels/wasm": ["mod.ts"],
  "kernels/webgpu": ["mod.ts"],
  // `show.ts` is apart since the pictures' worker is bundled with it, and needs none of the rest.
  hub: ["mod.ts", "show.ts"],
  model: ["mod.ts"],
  "model/images": ["mod.ts"],
  "model/tokens": ["mod.ts"],
  datasets: ["mod.ts"],
};

/** The folders' parts from the lowest to the highest: each may import those in lists before its own. */
const FLOORS: Record<string, Floors> = {
  kernels: [
    ["check_options.ts", "errors.ts", "host"],
    ["tensor"],
    ["graph"],
    ["backend.ts", "tiling"],
    ["option_names.ts"],
    ["wasm", "webgpu"],
    ["create.ts"],
    ["mod.ts"],
  ],
  "kernels/webgpu": [
    ["shader"],
    ["device"],
    ["record"],
    ["ops", "program", "tuning"],
    ["record_graph.ts"],
    ["backend.ts"],
    ["mod.ts"],
  ],
  "kernels/wasm": [
    ["abi.ts", "module.gen.ts"],
    ["assembly", "job_fields.ts", "memory"],
    ["build", "threads"],
    ["ops"],
    ["program"],
    ["backend.ts"],
    ["mod.ts"],
  ],
  "kernels/wasm/assembly": [
    ["memory"],
    ["simd"],
    ["matmul"],
    ["ops", "winograd"],
    ["dispatch.ts"],
    ["main.ts"],
  ],
  hub: [
    ["show.ts"],
    ["check_options.ts", "errors.ts"],
    ["system"],
    ["repo_id.ts"],
    ["formats"],
    ["remote"],
    ["cache"],
    ["models"],
    ["mod.ts"],
  ],
  model: [
    ["architecture", "options.ts"],
    ["checkpoints", "images", "tokens"],
    ["arguments.ts", "comparison.ts", "model_methods.ts"],
    ["engine"],
    ["save.ts"],
    ["worker"],
    ["vq_model.ts"],
    ["serve_model.ts"],
    ["mod.ts"],
  ],
  datasets: [
    ["types.ts"],
    ["formats"],
    ["compute", "output", "queue", "sources"],
    ["detokenize", "inspect", "tokenize"],
    ["mod.ts"],
  ],
  "model/images": [
    ["raster", "wasm"],
    ["codecs"],
    ["resizing"],
    ["preparation"],
    ["workers"],
    ["picture.ts"],
    ["image_processor.ts", "token_map.ts"],
    ["mod.ts"],
  ],
  "model/images/codecs": [
    ["bytes.ts", "cost.ts", "emscripten.ts", "errors.ts", "inflate.ts", "palette.ts"],
    ["avif", "bmp.ts", "gif.ts", "jpeg", "png", "tiff", "webp"],
  ],
};

const LAYOUT = new Set([
  ...Object.keys(MAY_IMPORT),
  ...["tests", "tools", "docs", ".ci", ".github", ".gitattributes", ".gitignore"],
  ...["deno.json", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"],
]);

const GRAPH = new Map(modulesOf(...Object.keys(MAY_IMPORT)).map((file) => [file, importsOf(file)]));
const FOLDERS = [...new Set([...GRAPH.keys()].flatMap(foldersOf))];

Deno.test("the files of a checkout are where the layout has a place for them", () => {
  assertEquals(FILES.filter((file) => !LAYOUT.has(areaOf(file))), []);
});

Deno.test("imports point from examples and cli to mod.ts to model to kernels and hub", () => {
  const wrong = [...GRAPH].flatMap(([file, imported]) =>
    imported
      .filter((other) => ![areaOf(file), ...MAY_IMPORT[areaOf(file)]].includes(areaOf(other)))
      .map((other) => `${file} imports ${other}`)
  );
  assertEquals(wrong, []);
});

Deno.test("no modules import each other in a circle", () => {
  assertEquals(findCircle(GRAPH), undefined);
});

Deno.test("no folders import each other in a circle", () => {
  for (const folder of FOLDERS) assertEquals(findCircle(entriesOf(GRAPH, folder)), undefined, folder);
});

for (const [folder, floors] of Object.entries(FLOORS)) {
  Deno.test(`imports in ${folder} lead to lower floors`, () => {
    assertEquals(findUpward(GRAPH, folder, floors), []);
    const subfolders = FOLDERS.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.split("/"));
    const names = subfolders.map((parts) => parts[folder.split("/").length]);
    assertEquals(names.filter((name) => !floors.flat().includes(name)), [], "folders that have no floor");
  });
}

for (const [folder, faces] of Object.entries(FACES)) {
  Deno.test(`${folder} is entered by ${faces.join(" and ")} alone`, () => {
    assertEquals(findInsides(GRAPH, folder, faces), []);
  });
}

Deno.test("a folder has at most 16 files beside its mod.ts, so that one look shows what there is", () => {
  const isListed = (file: string) => !file.endsWith("/mod.ts") && !/fixtures|snapshots|examples\/images/.test(file);
  const counts = Map.groupBy(FILES.filter(isListed), (file) => file.split("/").slice(0, -1).join("/"));
  assertEquals([...counts].filter(([folder, files]) => folder && files.length > 16).map(([folder]) => folder), []);
});

Deno.test("a file of tests has at most 400 lines", () => {
  const long = modulesOf("tests").filter((file) => read(file).trimEnd().split("\n").length > 400);
  assertEquals(long, []);
});

Deno.test("only tasks that test or measure need the tests", () => {
  const others = Object.entries(config.tasks).filter(([name]) => !/^(test|bench|kills)/.test(name));
  assertEquals(others.filter(([, { command }]) => command.includes("tests/")).map(([name]) => name), []);
});

Deno.test("kernels and model run wherever JavaScript does: they do not call Deno", () => {
  const tools = ["kernels/wasm/build/build.ts", "kernels/wasm/build/compile.ts"];
  const shipped = modulesOf("kernels", "model").filter((file) => !tools.includes(file));
  assertEquals(shipped.filter((file) => /\bDeno\./.test(codeOf(file))), []);
});

Deno.test("data sets and the command line run in Node: only permissions and restarting call Deno", () => {
  const calling = modulesOf("hub", "datasets", "cli", "cli.ts").filter((file) => /\bDeno\./.test(codeOf(file)));
  assertEquals(calling.sort(), ["cli/process/permissions.ts", "cli/process/restart.ts"]);
});

Deno.test("the library bundles for Node 20 and browsers: it imports nothing of Node, and declares nothing with `using`", () => {
  const library = modulesOf("kernels", "model", "hub", "mod.ts").filter((file) =>
    !file.startsWith("kernels/wasm/build/")
  );
  const newer = /^\s*(?:await )?using \w+ =|^import (?!type\b)[^;"]*"node:|(?<!typeof )\bimport\("node:/m;
  assertEquals(library.filter((file) => newer.test(codeOf(file))), []);
});

Deno.test("the library never prints, nor do the packages that are bundled in it", () => {
  const library = modulesOf("kernels", "model", "hub", "datasets", "mod.ts");
  assertEquals(library.filter((file) => /\bconsole\./.test(codeOf(file))), []);
  const bundled = FILES.filter((file) => file.endsWith(".gen.js"));
  assertEquals(bundled.length, 3);
  assertEquals(bundled.filter((file) => /\bconsole\./.test(read(file))), []);
});

Deno.test("no file names the host of a package registry: each client knows its own", () => {
  const hosts = [["jsr", "io"], ["registry", "npmjs", "org"], ["deb", "debian", "org"]].map((name) => name.join("."));
  const text = FILES.filter((file) => !/\.(png|jpg|safetensors|bin)$/.test(file));
  assertEquals(text.filter((file) => hosts.some((host) => read(file).includes(host))), []);
});

/** The folders that a file is in, from the outermost on. */
function foldersOf(file: string): string[] {
  const parts = file.split("/").slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
}

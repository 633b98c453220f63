/**
 * Writes `dist/`: the library as JavaScript for Node, Bun, browsers and their bundlers, with its types, ready for npm. It
 * holds all packages that it needs.
 *
 * `deno run -A tools/build/build.ts [FOLDER]`
 */
import { stop } from "../bundling/esbuild.ts";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installPackages, npmPackages } from "../bundling/packages.ts";
import { bundle } from "./bundle.ts";
import { writeTypes } from "./types.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What the package consists of. */
const SOURCES = ["mod.ts", "cli.ts", "deno.json", "kernels", "model", "hub", "datasets", "cli"];
/** The command line, and what it runs in workers. */
const WORKER = "cli/datasets/engine_worker.ts";
const PROGRAMS = ["cli.ts", WORKER];
const DOCUMENTS = ["README.md", "CHANGELOG.md", "LICENSE"];
/** For the compiler only: the types of the oldest Node that is supported. */
const TYPE_PACKAGES = { "@types/node": "20.19.0", "@webgpu/types": "0.1.74" };

/** Builds the package into a folder, which is replaced. */
export async function buildPackage(dist: string): Promise<void> {
  const config = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const { "./cli": _cli, ...faces } = config.exports as Record<string, string>;
  const entries = Object.values(faces).map((path) => path.replace(/^\.\//, ""));
  const work = await Deno.makeTempDir({ prefix: "vqmodel-build-" });
  try {
    await copySources(work, TYPE_PACKAGES);
    await Deno.remove(dist, { recursive: true }).catch(() => {});
    await bundle(work, [...entries, ...PROGRAMS], dist);
    await writeTypes(work, entries, dist);
  } finally {
    await stop();
    await Deno.remove(work, { recursive: true });
  }
  await completeProgram(join(dist, "cli.js"));
  for (const name of DOCUMENTS) await Deno.copyFile(join(ROOT, name), join(dist, name));
  await Deno.writeTextFile(join(dist, "package.json"), JSON.stringify(packageOf(config, faces), null, 2) + "\n");
}

/** Copies the library's sources, and puts its packages beside them, where bundlers and compilers look for them. */
export async function copySources(folder: string, otherPackages: Record<string, string> = {}): Promise<void> {
  await installPackages(folder, { ...await npmPackages(), ...otherPackages });
  for (const source of SOURCES) await copy(join(ROOT, source), join(folder, source));
}

function packageOf(config: { name: string; version: string; license: string }, faces: Record<string, string>) {
  const { name, version, license } = config;
  const faceOf = (path: string) => ({ types: path.replace(/\.ts$/, ".d.ts"), default: path.replace(/\.ts$/, ".js") });
  return {
    name,
    version,
    description: "Image tokenizers (VQ-VAE, VQGAN, MoVQ): Hugging Face Diffusers' VQModel on WebGPU and WebAssembly",
    license,
    type: "module",
    exports: Object.fromEntries(Object.entries(faces).map(([name, path]) => [name, faceOf(path)])),
    bin: { vqmodel: "./cli.js" },
    sideEffects: false,
    engines: { node: ">=20.16" },
  };
}

/** Lets Node run a script as a program, and find its worker. */
async function completeProgram(script: string): Promise<void> {
  const text = await Deno.readTextFile(script);
  const located = text.replace("./engine_worker.ts", `./${WORKER.replace(/\.ts$/, ".js")}`);
  if (located === text) throw new Error("The command line starts no engine_worker.ts");
  await Deno.writeTextFile(script, `#!/usr/bin/env node\n${located}`);
  await Deno.chmod(script, 0o755);
}

/** Copies a file or a folder. */
async function copy(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(join(from, name), join(to, name));
}

if (import.meta.main) await buildPackage(Deno.args[0] ?? join(ROOT, "dist"));

/** The files of the checkout, and what its modules import. */
import { join, relative } from "@std/path";
import { repository } from "./paths.ts";

const ROOT = repository("");

/** Every file, relative to the root, less what .gitignore names and hidden folders that belong to others. */
export const FILES: readonly string[] = listFiles();

function listFiles(): string[] {
  const ignored = new Set(read(".gitignore").split("\n").map((line) => line.replaceAll("/", "")));
  const isHidden = (name: string) => name.startsWith(".") && ![".ci", ".github", ".gitattributes"].includes(name);
  function walk(folder: string): string[] {
    return [...Deno.readDirSync(folder)]
      .filter(({ name }) => !isHidden(name) && !ignored.has(name))
      .flatMap(({ name, isDirectory }) => isDirectory ? walk(join(folder, name)) : [fromRoot(join(folder, name))]);
  }
  return walk(ROOT);
}

/** A path relative to the root, with slashes. */
export function fromRoot(path: string): string {
  return relative(ROOT, path).replaceAll("\\", "/");
}

/** The text of a file. */
export function read(file: string): string {
  return Deno.readTextFileSync(join(ROOT, file));
}

/** The first part of a file's path. */
export function areaOf(file: string): string {
  return file.split("/")[0];
}

/** The modules of some areas. */
export function modulesOf(...areas: string[]): string[] {
  return FILES.filter((file) => file.endsWith(".ts") && areas.includes(areaOf(file)));
}

/** A module without its comments. */
export function codeOf(file: string): string {
  return read(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}

/** The project's own files that a module imports, statically, dynamically, as a worker or for its types. */
export function importsOf(file: string): string[] {
  const statement = /(?:^(?:import|export)\b[^;"]*|\bimport\(\s*|\bnew URL\(\s*)"(\.[^"]*|@codebook\/vqmodel[^"]*)"/gm;
  return [...codeOf(file).matchAll(statement)].map(([, specifier]) => specifier).flatMap((specifier) => {
    if (!specifier.startsWith(".")) return ["mod.ts"];
    const path = fromRoot(join(ROOT, file, "..", specifier));
    if (/\.\w+$/.test(path)) return [path];
    // AssemblyScript imports modules without their extension. Elsewhere such an import is part of a generated text.
    return file.includes("/assembly/") ? [`${path}.ts`] : [];
  });
}

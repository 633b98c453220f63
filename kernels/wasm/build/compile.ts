/**
 * The AssemblyScript compiler, and the TypeScript modules that hold its output. Shared by all builds.
 *
 * @module
 */

import { base64Literal } from "./base64_literal.ts";
import asc from "npm:assemblyscript@0.28.20/asc";

/** Returns the text of a source file, or null if there is none. */
export type ReadSource = (path: string) => string | null;

/** Reads sources from a folder. */
export function sourcesIn(folder: URL): ReadSource {
  return (path) => {
    try {
      return Deno.readTextFileSync(new URL(path, folder));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  };
}

/** Compiles the module with the entry file `entry`. */
export async function compile(entry: string, options: string, readFile: ReadSource): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const all = `${entry} -o out.wasm --runtime stub --enable simd ${options}`;
  const { error, stderr } = await asc.main(all.trim().split(" "), {
    readFile,
    writeFile: (path, contents) => {
      if (path === "out.wasm") binary = new Uint8Array(contents as Uint8Array);
    },
    listFiles: () => [],
  });
  if (error || !binary) throw new Error(`Cannot compile the kernels:\n${stderr.toString()}`);
  return binary;
}

/** Writes a module of base64 strings. With `--check` on the command line, fails if the committed one differs. */
export async function emit(file: URL, fields: Record<string, string>): Promise<void> {
  const lines = Object.entries(fields).map(([name, value]) =>
    `/** In base64. */\nexport const ${name}: string = ${base64Literal(value)};`
  );
  const text = `// Built by \`deno task wasm\` from assembly/: do not edit.\n// deno-fmt-ignore-file\n\n${
    lines.join("\n")
  }\n`;
  if (!Deno.args.includes("--check")) {
    await Deno.writeTextFile(file, text);
  } else if (await Deno.readTextFile(file) !== text) {
    throw new Error(`${file.pathname} is not what the sources build: run \`deno task wasm\``);
  }
}

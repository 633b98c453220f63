/** The types of the package, as the TypeScript compiler writes them. */
import ts from "npm:typescript@5.9.3";
import { dirname, join, normalize, relative } from "node:path";

/** What the types need of the platform beyond ES2022, whichever libraries a project includes. */
const PREAMBLE = '/// <reference lib="esnext.disposable" />\n';
const PLATFORM = "platform.d.ts";

const RELATIVE = /(from "|import\(")(\.[^"]*)\.ts"/g;

/** Writes the types of the entries of a folder, and of what these refer to, into another. */
export async function writeTypes(folder: string, entries: readonly string[], dist: string): Promise<void> {
  const declarations = compile(folder, entries);
  const needed = new Set<string>();
  const need = (file: string) => {
    if (needed.has(file)) return;
    needed.add(file);
    for (const [, , path] of declarations.get(file)!.matchAll(RELATIVE)) {
      need(normalize(join(dirname(file), `${path}.d.ts`)));
    }
  };
  for (const entry of entries) need(entry.replace(/\.ts$/, ".d.ts"));
  for (const file of needed) {
    const isEntry = entries.includes(file.replace(/\.d\.ts$/, ".ts"));
    const text = declarations.get(file)!.replace(RELATIVE, '$1$2.js"');
    await Deno.mkdir(dirname(join(dist, file)), { recursive: true });
    const reference = `/// <reference path="${relative(dirname(file), PLATFORM)}" />\n`;
    await Deno.writeTextFile(join(dist, file), isEntry ? PREAMBLE + reference + text : text);
  }
  await Deno.copyFile(new URL("platform.d.ts", import.meta.url), join(dist, PLATFORM));
}

/** What Node 20 and evergreen browsers have: newer built-ins are errors. */
const LIBRARIES = ["es2023", "es2024.string", "esnext.disposable", "dom", "dom.iterable", "dom.asynciterable"];
/** The error that a package has no types. */
const UNTYPED = 7016;

/** The declarations of all modules, by their paths in the folder. */
function compile(folder: string, entries: readonly string[]): Map<string, string> {
  const program = ts.createProgram(entries.map((entry) => join(folder, entry)), {
    declaration: true,
    emitDeclarationOnly: true,
    allowImportingTsExtensions: true,
    resolveJsonModule: true,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    target: ts.ScriptTarget.ES2022,
    lib: LIBRARIES.map((name) => `lib.${name}.d.ts`),
    typeRoots: [join(folder, "node_modules/@types"), join(folder, "node_modules")],
    types: ["node", "@webgpu/types"],
    strict: true,
    skipLibCheck: true,
    rootDir: folder,
    outDir: join(folder, "types"),
  });
  const problems = ts.getPreEmitDiagnostics(program).filter(({ code }) => code !== UNTYPED);
  if (problems.length > 0) throw new Error(ts.formatDiagnostics(problems, ts.createCompilerHost({})));
  const declarations = new Map<string, string>();
  program.emit(undefined, (path, text) => declarations.set(relative(join(folder, "types"), path), text));
  return declarations;
}

/**
 * Builds `module.gen.ts` from the AssemblyScript sources in `assembly/`.
 *
 *     deno run -A kernels/wasm/build.ts            writes it
 *     deno run -A kernels/wasm/build.ts --check    fails if the committed one is not what the sources build
 *
 * Each thread needs the module with its own constant addresses (see assembly/area.ts). So the module is built for threads
 * 0 and 1, and the bytes in which they differ are listed: there a thread writes its number. Building for a third thread
 * proves that this is all there is to it.
 *
 * @module
 */

import asc from "npm:assemblyscript@0.28.20/asc";
import { EXPONENTIAL } from "./exponential.ts";
import { CHAINS, microKernels } from "./micro_kernels.ts";
import { AREA, HEAP } from "./shared.ts";

const GENERATED = new URL("./module.gen.ts", import.meta.url);
const PAGE = 65536;

/** A source file's text by the path that the compiler asks for; null if there is none. */
type ReadSource = (path: string) => string | null;

/** The sources of the module of one thread. */
function readSource(path: string, thread: number, relaxed: boolean): string | null {
  if (path.endsWith("assembly/micro_kernels.ts")) return microKernels(relaxed);
  if (path.endsWith("assembly/exponential.ts")) return EXPONENTIAL;
  if (path.endsWith("assembly/base.ts")) return `export const BASE: usize = ${(thread + 1) * AREA};`;
  try {
    return Deno.readTextFileSync(new URL(path, import.meta.url));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Compiles the module whose entry is `entry`. */
async function compile(entry: string, options: string, readFile: ReadSource): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array<ArrayBuffer> | undefined;
  // Optimizing would sink each chain of multiply-adds to its store and spill everything; V8 optimizes well by itself. That
  // copies of inlined code share their locals makes the module a third as large, packed.
  const passes = "precompute-propagate,coalesce-locals";
  const all = `${entry} -o out.wasm -O0 --runPasses ${passes} --runtime stub --enable simd ${options}`;
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

/** Compiles the module of one thread. */
function compileThread(thread: number, relaxed: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const options = `${relaxed ? "--enable relaxed-simd " : ""}--enable threads --importMemory --sharedMemory ` +
    `--noExportMemory --initialMemory ${HEAP / PAGE} --maximumMemory 65536`;
  return compile("assembly/main.ts", options, (path) => readSource(path, thread, relaxed));
}

/** Where thread numbers go: positions at which the modules of threads 0 and 1 differ. */
function patches(zero: Uint8Array, one: Uint8Array): number[] {
  const positions = Array.from(zero.keys()).filter((i) => zero[i] !== one[i]);
  if (zero.length !== one.length || positions.some((i) => zero[i] !== 1 || one[i] !== 2)) {
    throw new Error("Cannot patch thread numbers: the modules of two threads differ in more than one byte an address");
  }
  return positions;
}

/** A module and where to patch it. */
interface Template {
  binary: Uint8Array<ArrayBuffer>;
  positions: number[];
}

async function template(relaxed: boolean): Promise<Template> {
  const binary = await compileThread(0, relaxed);
  const positions = patches(binary, await compileThread(1, relaxed));
  const patched = binary.slice();
  for (const i of positions) patched[i] = 62;
  if (!equal(patched, await compileThread(61, relaxed))) {
    throw new Error("Cannot patch thread numbers: thread 61 differs");
  }
  return { binary, positions };
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Deflated bytes in base64. */
async function encode(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer()).toBase64();
}

/** Distances between positions, seven bits a byte, the last byte of each below 128. */
function encodePositions(positions: number[]): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  positions.forEach((position, i) => {
    let distance = position - (i ? positions[i - 1] : 0);
    for (; distance > 127; distance >>= 7) bytes.push(distance & 127 | 128);
    bytes.push(distance);
  });
  return new Uint8Array(bytes);
}

/** Base64 in short lines, which tools can show; `atob` skips what lies between them. */
function render(fields: Record<string, string>): string {
  const lines = Object.entries(fields).map(([name, value]) =>
    `/** See build.ts. */\nexport const ${name}: string = \`\n${value.match(/.{1,120}/g)!.join("\n")}\n\`;`
  );
  return `// Built by build.ts from assembly/*.ts: do not edit.\n// deno-fmt-ignore-file\n\n${lines.join("\n")}\n`;
}

async function generate(): Promise<Record<string, string>> {
  const relaxed = await template(true), strict = await template(false);
  const chains = await compile("chains.ts", "--noExportMemory", (path) => path === "chains.ts" ? CHAINS : null);
  return {
    relaxed: await encode(relaxed.binary),
    relaxedPatches: await encode(encodePositions(relaxed.positions)),
    strict: await encode(strict.binary),
    strictPatches: await encode(encodePositions(strict.positions)),
    chains: await encode(chains),
  };
}

if (import.meta.main) {
  const text = render(await generate());
  if (!Deno.args.includes("--check")) {
    await Deno.writeTextFile(GENERATED, text);
  } else if (await Deno.readTextFile(GENERATED) !== text) {
    throw new Error("kernels/wasm/module.gen.ts is not what the sources build: run `deno task wasm`");
  }
}

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
import { AREA, HEAP, SLICE } from "./shared.ts";

const GENERATED = new URL("./module.gen.ts", import.meta.url);
const PAGE = 65536;

/**
 * The micro-kernel: `C[n][6][8] (+)= LEFT[6][32] · B[n][32][8]`, or of LEFT and B only the first `steps` of 32. All steps
 * are unrolled, because then the left operand is read at constant addresses; 12 accumulators, two vectors of B and one
 * splat fill V8's 15 vector registers.
 *
 * Instructions are what limits it, not arithmetic. A constant address costs none where all of it is in the address and
 * nothing in the offset; a bounds check costs one less where the offset is one that was checked before, so B moves on.
 */
function microKernel(name: string, steps: number): string {
  const accumulators = Array.from({ length: 12 }, (_, i) => `c${i}`);
  const step = (k: number) =>
    [
      `    b0 = v128.load(b); b1 = v128.load(b, 16); b += 32;`,
      ...Array.from({ length: 6 }, (_, row) =>
        `    a = v128.load32_splat(LEFT + ${(row * SLICE + k) * 4});` +
        ` c${2 * row} = madd(a, b0, c${2 * row}); c${2 * row + 1} = madd(a, b1, c${2 * row + 1});`),
    ].join("\n");
  return `
export function ${name}(n: i32, b: usize, c: usize, first: bool): void {
  for (; n > 0; n--, b += ${(SLICE - steps) * 32}, c += 192) {
    let a: v128, b0: v128, b1: v128;
    let ${accumulators.map((name) => `${name} = splat(0)`).join(", ")};
    if (!first) { ${accumulators.map((name, i) => `${name} = v128.load(c, ${i * 16});`).join(" ")} }
${Array.from({ length: steps }, (_, k) => step(k)).join("\n")}
    ${accumulators.map((name, i) => `v128.store(c, ${name}, ${i * 16});`).join(" ")}
  }
}`;
}

/** The module of micro-kernels. */
function microKernels(): string {
  const imports = `import { LEFT } from "./area";\nimport { madd, splat } from "./simd";`;
  return imports + microKernel("rows", SLICE) + microKernel("rows4", 4);
}

/** Text of a source file by the path that the compiler asks for; null if there is none. */
function readSource(path: string, thread: number): string | null {
  if (path.endsWith("assembly/rows.ts")) return microKernels();
  if (path.endsWith("assembly/base.ts")) return `export const BASE: usize = ${(thread + 1) * AREA};`;
  try {
    return Deno.readTextFileSync(new URL(path, import.meta.url));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Compiles the module of one thread. */
async function compile(thread: number, relaxed: boolean): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  // Optimizing would sink each chain of multiply-adds to its store and spill everything; V8 optimizes well by itself.
  const options =
    `assembly/main.ts -o out.wasm -O0 --runPasses precompute-propagate --runtime stub --enable simd --enable threads ` +
    `${relaxed ? "--enable relaxed-simd " : ""}--importMemory --sharedMemory --noExportMemory ` +
    `--initialMemory ${HEAP / PAGE} --maximumMemory 65536`;
  const { error, stderr } = await asc.main(options.split(" "), {
    readFile: (path) => readSource(path, thread),
    writeFile: (path, contents) => {
      if (path === "out.wasm") binary = contents as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error || !binary) throw new Error(`Cannot compile the kernels:\n${stderr.toString()}`);
  return binary;
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
  const binary = new Uint8Array(await compile(0, relaxed));
  const positions = patches(binary, await compile(1, relaxed));
  const patched = binary.slice();
  for (const i of positions) patched[i] = 62;
  if (!equal(patched, await compile(61, relaxed))) throw new Error("Cannot patch thread numbers: thread 61 differs");
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
  return {
    relaxed: await encode(relaxed.binary),
    relaxedPatches: await encode(encodePositions(relaxed.positions)),
    strict: await encode(strict.binary),
    strictPatches: await encode(encodePositions(strict.positions)),
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

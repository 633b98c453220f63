/**
 * Builds `module.gen.ts` from the AssemblyScript sources in `assembly/`.
 *
 *     deno run -A kernels/wasm/build/build.ts            writes it
 *     deno run -A kernels/wasm/build/build.ts --check    fails if the committed one is not what the sources build
 *
 * Each thread needs the module with its own constant addresses (see assembly/memory/area.ts). So the module is built for threads
 * 0 and 1, and the bytes in which they differ are listed: each thread patches them with its number. Building for a third
 * thread checks that there are no other differences.
 *
 * @module
 */

import { compile, emit, sourcesIn } from "./compile.ts";
import { exponentials } from "./exponential.ts";
import { jobClasses } from "./job_classes.ts";
import { CHAINS, microKernels } from "./micro_kernels.ts";
import { winogradTransforms } from "./winograd.ts";
import { AREA, HEAP } from "../abi.ts";

const GENERATED = new URL("../module.gen.ts", import.meta.url);
const PAGE = 65536;

// Optimizing would move each chain of multiply-adds to its store and spill registers; V8 optimizes well by itself. Sharing
// locals between copies of inlined code makes the packed module a third as large.
const PASSES = "-O0 --runPasses precompute-propagate,coalesce-locals";

const readFile = sourcesIn(new URL("..", import.meta.url));

/** Reads a source, or generates it, for the module of one thread. */
function readSource(path: string, thread: number, relaxed: boolean): string | null {
  if (path.endsWith("assembly/job_fields.ts")) return jobClasses();
  if (path.endsWith("assembly/winograd/transforms.ts")) return winogradTransforms(relaxed);
  if (path.endsWith("assembly/matmul/micro_kernels.ts")) return microKernels(relaxed);
  if (path.endsWith("assembly/simd/exponential.ts")) return exponentials(relaxed);
  if (path.endsWith("assembly/memory/base.ts")) return `export const BASE: usize = ${(thread + 1) * AREA};`;
  return readFile(path);
}

/** Compiles the module of one thread. */
function compileThread(thread: number, relaxed: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const options =
    `${PASSES} ${relaxed ? "--enable relaxed-simd " : ""}--enable threads --importMemory --sharedMemory ` +
    `--noExportMemory --initialMemory ${HEAP / PAGE} --maximumMemory 65536`;
  return compile("assembly/main.ts", options, (path) => readSource(path, thread, relaxed));
}

/** Positions of thread numbers: where the modules of threads 0 and 1 differ. */
function patches(zero: Uint8Array, one: Uint8Array): number[] {
  const positions = Array.from(zero.keys()).filter((i) => zero[i] !== one[i]);
  if (zero.length !== one.length || positions.some((i) => zero[i] !== 1 || one[i] !== 2)) {
    throw new Error("Cannot patch thread numbers: the modules of two threads differ in more than one byte an address");
  }
  return positions;
}

/** A module and the positions to patch. */
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

/** Encodes distances between positions: seven bits a byte, the last byte of each below 128. */
function encodePositions(positions: number[]): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  positions.forEach((position, i) => {
    let distance = position - (i ? positions[i - 1] : 0);
    for (; distance > 127; distance >>= 7) bytes.push(distance & 127 | 128);
    bytes.push(distance);
  });
  return new Uint8Array(bytes);
}

async function generate(): Promise<Record<string, string>> {
  const relaxed = await template(true), strict = await template(false);
  const chains = await compile(
    "chains.ts",
    `${PASSES} --noExportMemory`,
    (path) => path === "chains.ts" ? CHAINS : null,
  );
  return {
    relaxed: await encode(relaxed.binary),
    relaxedPatches: await encode(encodePositions(relaxed.positions)),
    strict: await encode(strict.binary),
    strictPatches: await encode(encodePositions(strict.positions)),
    chains: await encode(chains),
  };
}

if (import.meta.main) await emit(GENERATED, await generate());

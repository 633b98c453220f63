/**
 * The WebAssembly module of the kernels, patched for one thread.
 *
 * @module
 */

import { bytesOfBase64 } from "../../host/base64.ts";
import * as generated from "../module.gen.ts";

/** A module to be patched with a thread's number. */
export interface Template {
  readonly binary: Uint8Array<ArrayBuffer>;
  /** Positions of the bytes that hold the thread's number. */
  readonly positions: readonly number[];
}

/** The module's exports. */
export interface Kernels {
  /** Writes the thread's constants. */
  initialize(): void;
  /** Runs a list of jobs together with the other threads. */
  run(jobs: number, count: number, thread: number, threads: number): void;
  /** Converts pixels to floats; see assembly/ops/pixels.ts. */
  unpackPixels(bytes: number, floats: number, pixels: number, isGray: boolean, isSigned: boolean): void;
  /** Converts floats to pixels. */
  packPixels(bytes: number, floats: number, pixels: number, isGray: boolean, isSigned: boolean): void;
}

let loading: Promise<Template> | undefined;

/** Loads the module, with relaxed SIMD if the runtime supports it. */
export function loadTemplate(): Promise<Template> {
  return loading ??= choose();
}

/** The module of a thread, for shared memory or not. */
export function moduleFor(template: Template, thread: number, shared: boolean): Uint8Array<ArrayBuffer> {
  const binary = template.binary.slice();
  for (const position of template.positions) binary[position] = thread + 1;
  // Flags of the imported memory: 3 is shared with a maximum, 1 is just a maximum.
  if (!shared) binary[memoryFlags(binary)] = 1;
  return binary;
}

/** Finds the flags after the import's name, `memory`, and its kind, 2. */
function memoryFlags(binary: Uint8Array): number {
  const name = [...new TextEncoder().encode("memory"), 2, 3];
  const start = binary.findIndex((_, i) => name.every((byte, j) => binary[i + j] === byte));
  return start + name.length - 1;
}

async function choose(): Promise<Template> {
  const relaxed = await unpack(generated.relaxed, generated.relaxedPatches);
  if (WebAssembly.validate(relaxed.binary)) return relaxed;
  return await unpack(generated.strict, generated.strictPatches);
}

/** Reads what build/build.ts wrote. */
export async function unpack(module: string, patches: string): Promise<Template> {
  const positions: number[] = [];
  let position = 0, distance = 0, shift = 0;
  for (const byte of await inflate(patches)) {
    distance |= (byte & 127) << shift;
    shift += 7;
    if (byte < 128) {
      positions.push(position += distance);
      distance = shift = 0;
    }
  }
  return { binary: await inflate(module), positions };
}

/** Inflates base64 of deflated bytes. */
export async function inflate(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytesOfBase64(base64)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Runs the WebAssembly decoders of npm packages that were built with Emscripten.
 *
 * @module
 */

import { bytesOfBase64 } from "../../../kernels/host/mod.ts";

/** A decoder's result, in RGBA. */
export type DecodedPicture = Pick<ImageData, "width" | "height" | "data">;

/** A package's decoder. Returns null for a file that it cannot decode. */
export interface Decoder {
  decode(bytes: Uint8Array, ...options: readonly unknown[]): DecodedPicture | null;
}

/** A package's function that starts its decoder. */
type CreateDecoder = (options: Record<string, unknown>) => Promise<Decoder>;

/** A decoder and its memory. */
interface Instance {
  readonly decoder: Decoder;
  readonly memory: WebAssembly.Memory;
  /** Limit of the memory, in bytes. */
  maxMemory: number;
}

/** A decoder's compiled module, and an instance to be reused. */
interface Codec {
  readonly module: Promise<WebAssembly.Module>;
  idle?: Instance;
}

const PAGE_BYTES = 65536;
/** An instance with more memory is not reused, because memory cannot shrink. */
const KEPT_MEMORY = 2 ** 25;

const codecs = new Map<CreateDecoder, Codec>();

/** Which decoder to run, and how. */
export interface DecodeRequest {
  readonly create: CreateDecoder;
  /** The WebAssembly module, base64. */
  readonly wasm: string;
  /** Limit of the decoder's memory, in bytes. */
  readonly maxMemory: number;
  /** Arguments after the bytes. */
  readonly options?: readonly unknown[];
}

/**
 * Decodes a file. The decoder neither prints nor reads files. An instance that trapped on a damaged file is not reused.
 * Throws whatever the decoder throws.
 */
export async function decodeWith(
  { create, wasm, maxMemory, options = [] }: DecodeRequest,
  bytes: Uint8Array,
): Promise<DecodedPicture | null> {
  if (!codecs.has(create)) {
    codecs.set(create, { module: WebAssembly.compile(bytesOfBase64(wasm)) });
  }
  const codec = codecs.get(create)!;
  const instance = codec.idle ?? await start(create, await codec.module);
  codec.idle = undefined;
  instance.maxMemory = maxMemory;
  const picture = instance.decoder.decode(bytes, ...options);
  if (instance.memory.buffer.byteLength <= KEPT_MEMORY) codec.idle = instance;
  return picture;
}

async function start(create: CreateDecoder, module: WebAssembly.Module): Promise<Instance> {
  const instance: { memory?: WebAssembly.Memory; maxMemory: number } = { maxMemory: Infinity };
  const decoder = await create({
    noInitialRun: true,
    print: () => {},
    printErr: () => {},
    locateFile: (path: string) => path, // the default needs a location, which a worker does not have
    instantiateWasm(imports: WebAssembly.Imports, onInstance: (instance: WebAssembly.Instance) => void) {
      const started = new WebAssembly.Instance(module, imports);
      const memory = Object.values(started.exports).find((item) => item instanceof WebAssembly.Memory)!;
      // The decoder handles a refusal as an allocation failure.
      memory.grow = (pages) => {
        if (memory.buffer.byteLength + pages * PAGE_BYTES > instance.maxMemory) throw new RangeError("too much memory");
        return WebAssembly.Memory.prototype.grow.call(memory, pages);
      };
      instance.memory = memory;
      onInstance(started);
      return started.exports;
    },
  });
  return Object.assign(instance, { decoder }) as Instance;
}

/** The decoded bytes, without a copy: the decoder keeps no reference to them. */
export function bytesOf({ data }: DecodedPicture): Uint8ClampedArray<ArrayBuffer> {
  return new Uint8ClampedArray(data.buffer as ArrayBuffer, data.byteOffset, data.length);
}

/** The decoded bytes with every alpha set to 255. */
export function opaque(picture: DecodedPicture): Uint8ClampedArray<ArrayBuffer> {
  const pixels = bytesOf(picture);
  for (let alpha = 3; alpha < pixels.length; alpha += 4) pixels[alpha] = 255;
  return pixels;
}

/**
 * Runs the WebAssembly decoders of npm packages, which Emscripten built.
 *
 * @module
 */

import { bytesOfBase64 } from "../../../kernels/host/mod.ts";

/** Pixels as a decoder gives them: RGBA. */
export type DecodedPicture = Pick<ImageData, "width" | "height" | "data">;

/** A package's decoder: pixels of a file's bytes, or null if there are none. */
export interface Decoder {
  decode(bytes: Uint8Array, ...options: readonly unknown[]): DecodedPicture | null;
}

/** A package's function that starts its decoder. */
type CreateDecoder = (options: Record<string, unknown>) => Promise<Decoder>;

/** A decoder, and the memory that it works in. */
interface Instance {
  readonly decoder: Decoder;
  readonly memory: WebAssembly.Memory;
  /** Bytes that its memory may grow to. */
  maxMemory: number;
}

/** What there is of a decoder: its compiled module, and an instance for the next picture. */
interface Codec {
  readonly module: Promise<WebAssembly.Module>;
  idle?: Instance;
}

const PAGE_BYTES = 65536;
/** Larger memories than this go with their instance: they cannot shrink. */
const KEPT_MEMORY = 2 ** 25;

const codecs = new Map<CreateDecoder, Codec>();

/** How a picture is decoded. */
export interface DecodeRequest {
  readonly create: CreateDecoder;
  /** The WebAssembly module, base64. */
  readonly wasm: string;
  /** Bytes that the decoder may take. */
  readonly maxMemory: number;
  /** What else the decoder takes, behind the bytes. */
  readonly options?: readonly unknown[];
}

/**
 * What a decoder makes of a file. It neither prints nor reads anything. An instance in which a damaged file trapped is not
 * used again. Throws whatever the decoder throws.
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
    locateFile: (path: string) => path, // nothing is to be found, and where is unknown in a worker
    instantiateWasm(imports: WebAssembly.Imports, onInstance: (instance: WebAssembly.Instance) => void) {
      const started = new WebAssembly.Instance(module, imports);
      const memory = Object.values(started.exports).find((item) => item instanceof WebAssembly.Memory)!;
      // To refuse is what the decoder takes for having no memory left.
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

/** The bytes of decoded pixels, which are nobody else's. */
export function bytesOf({ data }: DecodedPicture): Uint8ClampedArray<ArrayBuffer> {
  return new Uint8ClampedArray(data.buffer as ArrayBuffer, data.byteOffset, data.length);
}

/** The same, opaque. */
export function opaque(picture: DecodedPicture): Uint8ClampedArray<ArrayBuffer> {
  const pixels = bytesOf(picture);
  for (let alpha = 3; alpha < pixels.length; alpha += 4) pixels[alpha] = 255;
  return pixels;
}

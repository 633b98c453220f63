/**
 * Starts the WebAssembly decoders of the @jsquash packages, which Emscripten built.
 *
 * @module
 */

/** A decoder: pixels of a file's bytes, or null if there are none. `option` is the decoder's own. */
export interface Decoder {
  decode(bytes: Uint8Array, option?: unknown): ImageData | null;
}

/** A package's function that starts its decoder. */
type CreateDecoder = (options: Record<string, unknown>) => Promise<Decoder>;

const PAGE_BYTES = 65536;

const modules = new Map<CreateDecoder, Promise<WebAssembly.Module>>();

/**
 * A fresh instance for each picture: its memory goes when it goes, and a damaged file that traps harms nothing else.
 * It takes no more than `maxMemory` bytes, and neither prints nor reads anything.
 */
export async function startDecoder(create: CreateDecoder, wasm: string, maxMemory: number): Promise<Decoder> {
  if (!modules.has(create)) {
    modules.set(create, WebAssembly.compile(Uint8Array.from(atob(wasm), (char) => char.charCodeAt(0))));
  }
  const module = await modules.get(create)!;
  return await create({
    noInitialRun: true,
    print: () => {},
    printErr: () => {},
    instantiateWasm(imports: WebAssembly.Imports, onInstance: (instance: WebAssembly.Instance) => void) {
      const instance = new WebAssembly.Instance(module, imports);
      for (const memory of Object.values(instance.exports)) {
        if (memory instanceof WebAssembly.Memory) limit(memory, maxMemory);
      }
      onInstance(instance);
      return instance.exports;
    },
  });
}

/** Makes a memory refuse to grow further, which the decoder takes for having none left. */
function limit(memory: WebAssembly.Memory, maxMemory: number): void {
  memory.grow = (pages) => {
    if (memory.buffer.byteLength + pages * PAGE_BYTES > maxMemory) throw new RangeError("too much memory");
    return WebAssembly.Memory.prototype.grow.call(memory, pages);
  };
}

/** The pixels of decoded ones, opaque. */
export function opaque({ data }: ImageData): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(data.buffer as ArrayBuffer, data.byteOffset, data.length);
  for (let alpha = 3; alpha < pixels.length; alpha += 4) pixels[alpha] = 255;
  return pixels;
}

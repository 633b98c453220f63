/** A reader of safetensors files that shares no code with the library's. */

/** An array on the host, row-major, outermost dimension first. */
export interface Dense<Data = Float32Array<ArrayBuffer>> {
  readonly data: Data;
  readonly shape: readonly number[];
}

/** What a header says of a tensor. */
export interface Entry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

/** The header of a file. */
export interface Header {
  readonly metadata: Record<string, string>;
  readonly entries: Record<string, Entry>;
  /** Where the tensors' bytes begin. */
  readonly end: number;
}

/** The tensors of a file. */
export interface StoredTensors {
  readonly names: string[];
  readonly metadata: Record<string, string>;
  /** A float32 or (widened) float16 tensor. */
  tensor(name: string): Dense;
  /** An int32 tensor. */
  integers(name: string): Dense<Int32Array<ArrayBuffer>>;
  /** A uint8 tensor. */
  bytes(name: string): Dense<Uint8Array<ArrayBuffer>>;
}

/** Reads a file's header. */
export function headerOf(file: Uint8Array<ArrayBuffer>): Header {
  const end = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
  const { __metadata__: metadata = {}, ...entries } = JSON.parse(new TextDecoder().decode(file.subarray(8, end)));
  return { metadata, entries, end };
}

/** Opens the file at a path. */
export function readSafetensors(path: string): StoredTensors {
  const file = Deno.readFileSync(path);
  const { metadata, entries, end } = headerOf(file);

  // Sliced, hence aligned: the data of a safetensors file may start at any byte.
  function find(name: string, ...dtypes: string[]): { entry: Entry; buffer: ArrayBuffer } {
    const entry: Entry | undefined = entries[name];
    if (!entry) throw new Error(`No tensor ${name} in ${path}: there are ${Object.keys(entries).join(", ")}`);
    if (!dtypes.includes(entry.dtype)) throw new Error(`Tensor ${name} in ${path} is ${entry.dtype}, not ${dtypes}`);
    const [from, to] = entry.data_offsets;
    return { entry, buffer: file.buffer.slice(end + from, end + to) };
  }

  return {
    names: Object.keys(entries),
    metadata,
    tensor(name) {
      const { entry, buffer } = find(name, "F32", "F16");
      const data = entry.dtype === "F32" ? new Float32Array(buffer) : Float32Array.from(new Float16Array(buffer));
      return { data, shape: entry.shape };
    },
    integers(name) {
      const { entry, buffer } = find(name, "I32");
      return { data: new Int32Array(buffer), shape: entry.shape };
    },
    bytes(name) {
      const { entry, buffer } = find(name, "U8");
      return { data: new Uint8Array(buffer), shape: entry.shape };
    },
  };
}

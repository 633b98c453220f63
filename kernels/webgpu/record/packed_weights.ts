/**
 * Uploads weights in the layouts that the kernels read. Kernels reorder them from the checkpoint's layout.
 *
 * @module
 */

import {
  checkParameter,
  type CodebookParameter,
  type ConvParameter,
  type Kept,
  type LinearParameter,
  type NormParameter,
  type Parameter,
} from "../../graph/parameters.ts";
import { DeviceError } from "../../errors.ts";
import { guarded } from "../device/device.ts";
import { type Element, fitsFloat16, specialize, VEC4_BYTES } from "../shader/element.ts";
import { type BufferPool, OutOfMemoryError } from "../device/buffer_pool.ts";
import { labelOf, packParams, type Pipeline, type PipelineCache } from "../shader/pipeline.ts";
import { bands, type WeightMemory } from "./feature_map.ts";
import { unroll } from "../shader/wgsl.ts";
import { INPUT_TILE, KERNEL_SCALE, POSITIONS, transformKernel } from "../shader/winograd_transforms.ts";

/** A convolution or linear layer on the device. */
export interface PreparedConv {
  readonly kind: "conv" | "linear";
  readonly kernel: 1 | 3;
  readonly stride: 1 | 2;
  /** Whether the weights are held transformed for Winograd's algorithm. */
  readonly transformed: boolean;
  /** `[tap][in][out]`, or `[position][in][out]` if transformed; channels are padded to whole `vec4f`. */
  readonly weights: WeightMemory;
  /** `[out]`, padded. */
  readonly bias: WeightMemory;
}

/** The scales of all channels, padded to whole `vec4f`, then their offsets. */
export interface PreparedNorm {
  readonly kind: "norm";
  readonly buffer: WeightMemory;
}

/** A codebook, in windows each of which fits a binding and a buffer. */
export interface PreparedCodebook {
  readonly kind: "codebook";
  readonly windows: readonly CodebookWindow[];
}

/** The codes `[first, end)` of a codebook. */
export interface CodebookWindow {
  readonly first: number;
  readonly end: number;
  /** The code vectors, each padded to whole `vec4f`. */
  readonly rows: WeightMemory;
}

/** A layer's packed weights. */
export type PreparedParameter = PreparedConv | PreparedNorm | PreparedCodebook;

/** Uploads a layer, and adds every buffer that it creates to `created`. */
type Prepare = (weight: Float32Array, bias: Float32Array, created: WeightMemory[]) => PreparedParameter;

const LANES = 64;
/**
 * Bytes to upload between waits for the device, since the queue keeps a copy on the host. A wait takes some 10 ms, so there
 * is none after most layers.
 */
const PENDING_BYTES = 32 << 20;
/** Bytes of a layer to reorder at a time, which are on the device twice. */
const PIECE_BYTES = 4 << 20;

/** The piece [out][in][taps] of a layer → [tap or position][in][out], four output channels per invocation. */
function packSource(taps: 1 | 9, transformed: boolean): string {
  const write = (position: number, value: string) =>
    `packed[(${position}u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(${value});\n  `;
  return `
struct Params { ins: u32, outs: u32, inRows: u32, outC4: u32, firstColumn: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> raw: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<vec4<PACKED>>;

fn weight(out: u32, row: u32, tap: u32) -> f32 {
  if (out >= p.outs || row >= p.ins) { return 0.0; }
  return raw[(out * p.ins + row) * ${taps}u + tap];
}

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let row = wg.x * ${LANES}u + l.x;
  if (row >= p.inRows) { return; }
  let out = wg.y * 4u;
  let column = p.firstColumn + wg.y;
  ${
    unroll(taps, (t) =>
      `let g${t} = vec4f(${[0, 1, 2, 3].map((i) => `weight(out + ${i}u, row, ${t}u)`).join(", ")});\n  `)
  }
  ${transformed ? transformKernel(INPUT_TILE, write) : unroll(taps, (t) => write(t, `g${t}`))}
}`;
}

/** The weights of an engine. */
export class WeightStore {
  readonly parameters = new Map<string, Kept<PreparedParameter>>();
  readonly #device: GPUDevice;
  readonly #pool: BufferPool;
  readonly #pipelines: PipelineCache;
  readonly #element: Element;
  #holdsTransformed: (parameter: ConvParameter | LinearParameter) => boolean;
  readonly #windowBytes: number;
  #bytes = 0;
  #pendingBytes = 0;
  #disposed = false;

  /** `holdsTransformed` says whether to hold the weights of a layer transformed for Winograd's algorithm. */
  constructor(
    device: GPUDevice,
    pool: BufferPool,
    pipelines: PipelineCache,
    element: Element,
    holdsTransformed: (parameter: ConvParameter | LinearParameter) => boolean,
    windowBytes: number,
  ) {
    this.#device = device;
    this.#pool = pool;
    this.#pipelines = pipelines;
    this.#element = element;
    this.#holdsTransformed = holdsTransformed;
    this.#windowBytes = windowBytes;
  }

  /** Bytes of all weights on the device. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Uploads one layer. If the device has no memory for transformed weights, holds those of this layer and of later ones
   * as they are.
   *
   * @throws {RangeError} if the numbers of weights or biases are not those of the layer
   * @throws {DeviceError} if the device has no memory for it, or it is too large for a binding
   */
  async set(parameter: Parameter, weight: Float32Array, bias: Float32Array): Promise<void> {
    checkParameter(parameter, weight, bias);
    const transformed = this.#isTransformed(parameter);
    try {
      await this.#set(parameter, weight, bias);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError) || !transformed) throw error;
      this.#holdsTransformed = () => false;
      await this.#set(parameter, weight, bias);
    }
  }

  #isTransformed(parameter: Parameter): boolean {
    return (parameter.kind === "conv" || parameter.kind === "linear") && this.#holdsTransformed(parameter);
  }

  async #set(parameter: Parameter, weight: Float32Array, bias: Float32Array): Promise<void> {
    const prepare = await this.#preparation(parameter, weight);
    const what = `upload ${weight.byteLength} bytes of ${parameter.name}`;
    const created: WeightMemory[] = [];
    try {
      const prepared = await guarded(this.#device, what, () => prepare(weight, bias, created));
      if (this.#disposed) throw new DeviceError(`Cannot ${what}: the engine was disposed`);
      this.#free(parameter.name);
      this.parameters.set(parameter.name, { layer: parameter, prepared });
    } catch (error) {
      created.forEach((memory) => this.#destroy(memory));
      throw error;
    }
    this.#pendingBytes += weight.byteLength;
    if (this.#pendingBytes < PENDING_BYTES) return;
    this.#pendingBytes = 0;
    await this.#device.queue.onSubmittedWorkDone();
  }

  /** Frees every layer, and those that are being uploaded when they are done. */
  dispose(): void {
    this.#disposed = true;
    for (const name of [...this.parameters.keys()]) this.#free(name);
  }

  /** Compiles the packing kernel of a layer, and returns the function that uploads it. */
  async #preparation(parameter: Parameter, values: Float32Array): Promise<Prepare> {
    switch (parameter.kind) {
      case "norm":
        return (weight, bias, created) => ({ kind: "norm", buffer: this.#norm(parameter, weight, bias, created) });
      case "codebook":
        return (weight, _, created) => ({ kind: "codebook", windows: this.#codebook(parameter, weight, created) });
      default:
        return await this.#convPreparation(parameter, values);
    }
  }

  async #convPreparation(parameter: ConvParameter | LinearParameter, values: Float32Array): Promise<Prepare> {
    const { kernel, stride } = parameter.kind === "conv" ? parameter : { kernel: 1, stride: 1 } as const;
    const taps = kernel === 3 ? 9 : 1;
    const element = this.#element === "f16" && fitsFloat16(values, KERNEL_SCALE) ? "f16" : "f32";
    const transformed = this.#holdsTransformed(parameter);
    const pack = {
      label: labelOf("pack", `${kernel}×${kernel}`, transformed && "winograd"),
      source: packSource(taps, transformed),
    };
    const pipeline = this.#pipelines.get(specialize(pack, [["packed", element]]));
    const compiled = await pipeline.compile();

    const [inRows, outC4] = [padded(parameter.in), padded(parameter.out) / 4];
    const perOut = parameter.in * taps;
    const mostColumns = Math.max(1, Math.floor(PIECE_BYTES / (4 * 4 * perOut)));
    return (weight, bias, created) => {
      const weights = this.#create(
        (transformed ? POSITIONS : taps) * inRows * outC4 * VEC4_BYTES[element],
        element,
        created,
      );
      for (const [firstColumn, end] of bands(outC4, mostColumns)) {
        const piece = weight.subarray(4 * perOut * firstColumn, 4 * perOut * end);
        const params = { ins: parameter.in, outs: piece.length / perOut, inRows, outC4, firstColumn };
        this.#pack(pipeline, compiled, piece, weights.buffer, params);
      }
      const paddedBias = new Float32Array(outC4 * 4);
      paddedBias.set(bias);
      return { kind: parameter.kind, kernel, stride, transformed, weights, bias: this.#upload(paddedBias, created) };
    };
  }

  #norm({ channels }: NormParameter, weight: Float32Array, bias: Float32Array, created: WeightMemory[]): WeightMemory {
    const both = new Float32Array(2 * padded(channels));
    both.set(weight);
    both.set(bias, padded(channels));
    return this.#upload(both, created);
  }

  #codebook({ codes, channels }: CodebookParameter, weight: Float32Array, created: WeightMemory[]): CodebookWindow[] {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#device.limits;
    const limit = Math.min(maxStorageBufferBindingSize, maxBufferSize, this.#windowBytes);
    const most = Math.max(1, Math.floor(limit / (4 * padded(channels))));
    return bands(codes, most).map(([first, end]) => ({
      first,
      end,
      rows: this.#upload(padRows(weight.subarray(first * channels, end * channels), channels), created),
    }));
  }

  /** Runs a packing kernel over a piece of a layer. */
  #pack(
    pipeline: Pipeline,
    compiled: GPUComputePipeline,
    source: Float32Array,
    target: GPUBuffer,
    params: Record<"ins" | "outs" | "inRows" | "outC4" | "firstColumn", number>,
  ): void {
    const device = this.#device;
    const raw = this.#pool.acquire(Math.max(PIECE_BYTES, source.byteLength), "weights"); // always the same buffer
    device.queue.writeBuffer(raw, 0, source as Float32Array<ArrayBuffer>);
    const words = packParams(pipeline.interface, params);
    const uniforms = device.createBuffer({
      size: words.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(uniforms, 0, words);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(compiled);
    pass.setBindGroup(
      0,
      device.createBindGroup({
        layout: pipeline.layout,
        entries: [uniforms, raw, target].map((buffer, binding) => ({ binding, resource: { buffer } })),
      }),
    );
    pass.dispatchWorkgroups(Math.ceil(params.inRows / LANES), Math.ceil(params.outs / 4));
    pass.end();
    device.queue.submit([encoder.finish()]);
    uniforms.destroy();
    this.#pool.release(raw);
  }

  #upload(data: Float32Array, created: WeightMemory[]): WeightMemory {
    const memory = this.#create(data.byteLength, "f32", created);
    this.#device.queue.writeBuffer(memory.buffer, 0, data as Float32Array<ArrayBuffer>);
    return memory;
  }

  #create(bytes: number, element: Element, created: WeightMemory[]): WeightMemory {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
    const memory = { buffer: this.#device.createBuffer({ size: bytes, usage }), bytes, element };
    this.#bytes += bytes;
    created.push(memory);
    return memory;
  }

  #destroy({ buffer, bytes }: WeightMemory): void {
    this.#bytes -= bytes;
    buffer.destroy();
  }

  #free(name: string): void {
    const prepared = this.parameters.get(name)?.prepared;
    if (!prepared) return;
    this.parameters.delete(name);
    memoryOf(prepared).forEach((memory) => this.#destroy(memory));
  }
}

/** Every buffer of a layer. */
function memoryOf(prepared: PreparedParameter): WeightMemory[] {
  switch (prepared.kind) {
    case "norm":
      return [prepared.buffer];
    case "codebook":
      return prepared.windows.map(({ rows }) => rows);
    default:
      return [prepared.weights, prepared.bias];
  }
}

/** Rows padded to whole `vec4f`. */
function padRows(values: Float32Array, channels: number): Float32Array {
  const width = padded(channels);
  if (width === channels) return values;
  const rows = new Float32Array(values.length / channels * width);
  for (let from = 0, to = 0; from < values.length; from += channels, to += width) {
    rows.set(values.subarray(from, from + channels), to);
  }
  return rows;
}

function padded(channels: number): number {
  return Math.ceil(channels / 4) * 4;
}

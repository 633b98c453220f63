/**
 * Weights, uploaded once in the layouts that the kernels read. They arrive in the checkpoint's order; the device itself
 * reorders and transforms them.
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
import type { BufferPool } from "../device/buffer_pool.ts";
import { labelOf, packParams, type Pipeline, type PipelineCache } from "../shader/pipeline.ts";
import type { WeightMemory } from "./feature_map.ts";
import { unroll } from "../shader/wgsl.ts";
import { KERNEL_SCALE, POSITIONS, transformKernel } from "../shader/winograd_transforms.ts";

/** The ways to compute a convolution. */
export const CONV_ALGORITHMS = ["winograd", "direct"] as const;

/** How a convolution is computed. */
export type ConvAlgorithm = (typeof CONV_ALGORITHMS)[number];

/** A convolution or linear layer on the device. */
export interface PreparedConv {
  readonly kind: "conv" | "linear";
  readonly algorithm: ConvAlgorithm;
  readonly kernel: 1 | 3;
  readonly stride: 1 | 2;
  /** Direct: `[tap][in][out]`. Winograd: `[position][in][out]`. Both padded to whole `vec4f`. */
  readonly weights: WeightMemory;
  /** `[out]`, padded. */
  readonly bias: WeightMemory;
}

/** Scales of all channels, padded to whole `vec4f`, then offsets. */
export interface PreparedNorm {
  readonly kind: "norm";
  readonly buffer: WeightMemory;
}

/** Code vectors, each padded to whole `vec4f`. */
export interface PreparedCodebook {
  readonly kind: "codebook";
  readonly buffer: WeightMemory;
}

/** A layer's weights on the device. */
export type PreparedParameter = PreparedConv | PreparedNorm | PreparedCodebook;

/** Uploads a layer, and adds every buffer that it makes to `made`. */
type Prepare = (weight: Float32Array, bias: Float32Array, made: WeightMemory[]) => PreparedParameter;

const LANES = 64;
/**
 * Bytes handed over before the device is waited for: until it has taken them, they lie on the host a second time. A wait
 * takes some ten milliseconds, so not after every layer.
 */
const BYTES_UNDERWAY = 32 << 20;

/** [out][in][taps] → [tap or position][in][out], four output channels an invocation. */
function packSource(taps: 1 | 9, winograd: boolean): string {
  const write = (position: number, value: string) =>
    `packed[(${position}u * p.inRows + row) * p.outC4 + column] = vec4<PACKED>(${value});\n  `;
  return `
struct Params { ins: u32, outs: u32, inRows: u32, outC4: u32 }
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
  let column = wg.y;
  if (row >= p.inRows) { return; }
  let out = column * 4u;
  ${
    unroll(taps, (t) =>
      `let g${t} = vec4f(${[0, 1, 2, 3].map((i) => `weight(out + ${i}u, row, ${t}u)`).join(", ")});\n  `)
  }
  ${winograd ? transformKernel(write) : unroll(taps, (t) => write(t, `g${t}`))}
}`;
}

/** Uploads layers. */
export class WeightStore {
  readonly parameters = new Map<string, Kept<PreparedParameter>>();
  readonly #device: GPUDevice;
  readonly #pool: BufferPool;
  readonly #pipelines: PipelineCache;
  readonly #element: Element;
  readonly #algorithm: (parameter: ConvParameter | LinearParameter) => ConvAlgorithm;
  #bytes = 0;
  #underway = 0;
  #disposed = false;

  constructor(
    device: GPUDevice,
    pool: BufferPool,
    pipelines: PipelineCache,
    element: Element,
    algorithm: (parameter: ConvParameter | LinearParameter) => ConvAlgorithm,
  ) {
    this.#device = device;
    this.#pool = pool;
    this.#pipelines = pipelines;
    this.#element = element;
    this.#algorithm = algorithm;
  }

  /** Bytes of all weights on the device. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The algorithm that the weights of a layer were uploaded for, if they were. */
  algorithmOf({ name }: ConvParameter | LinearParameter): ConvAlgorithm | undefined {
    return (this.parameters.get(name)?.prepared as PreparedConv | undefined)?.algorithm;
  }

  /**
   * Uploads one layer.
   *
   * @throws {RangeError} if there are not as many weights and biases as it has
   * @throws {DeviceError} if the device has no room for it, or it is too large for a kernel
   */
  async set(parameter: Parameter, weight: Float32Array, bias: Float32Array): Promise<void> {
    checkParameter(parameter, weight, bias);
    const prepare = await this.#preparation(parameter, weight);
    const what = `upload ${weight.byteLength} bytes of ${parameter.name}`;
    const made: WeightMemory[] = [];
    try {
      const prepared = await guarded(this.#device, what, () => prepare(weight, bias, made));
      if (this.#disposed) throw new DeviceError(`Cannot ${what}: the engine was disposed`);
      this.#free(parameter.name);
      this.parameters.set(parameter.name, { layer: parameter, prepared });
    } catch (error) {
      made.forEach((memory) => this.#destroy(memory));
      throw error;
    }
    this.#underway += weight.byteLength;
    if (this.#underway < BYTES_UNDERWAY) return;
    this.#underway = 0;
    await this.#device.queue.onSubmittedWorkDone();
  }

  /** Frees every layer, and those under way when they arrive. */
  dispose(): void {
    this.#disposed = true;
    for (const name of [...this.parameters.keys()]) this.#free(name);
  }

  /** How to upload a layer, once its kernel is compiled. */
  async #preparation(parameter: Parameter, values: Float32Array): Promise<Prepare> {
    switch (parameter.kind) {
      case "norm":
        return (weight, bias, made) => ({ kind: "norm", buffer: this.#norm(parameter, weight, bias, made) });
      case "codebook":
        return (weight, _, made) => ({ kind: "codebook", buffer: this.#codebook(parameter, weight, made) });
      default:
        return await this.#convPreparation(parameter, values);
    }
  }

  async #convPreparation(parameter: ConvParameter | LinearParameter, values: Float32Array): Promise<Prepare> {
    const { kernel, stride } = parameter.kind === "conv" ? parameter : { kernel: 1, stride: 1 } as const;
    const algorithm = this.#algorithm(parameter);
    const taps = kernel === 3 ? 9 : 1;
    const positions = algorithm === "winograd" ? POSITIONS : taps;
    const element = this.#element === "f16" && fitsFloat16(values, KERNEL_SCALE) ? "f16" : "f32";
    const pack = {
      label: labelOf("pack", `${kernel}×${kernel}`, algorithm),
      source: packSource(taps, algorithm === "winograd"),
    };
    const pipeline = this.#pipelines.get(specialize(pack, [["packed", element]]));
    const compiled = await pipeline.compile();

    const [inRows, outC4] = [padded(parameter.in), padded(parameter.out) / 4];
    const params = { ins: parameter.in, outs: parameter.out, inRows, outC4 };
    return (weight, bias, made) => {
      const weights = this.#create(positions * inRows * outC4 * VEC4_BYTES[element], element, made);
      this.#pack(pipeline, compiled, weight, weights.buffer, params);
      const paddedBias = new Float32Array(outC4 * 4);
      paddedBias.set(bias);
      return { kind: parameter.kind, algorithm, kernel, stride, weights, bias: this.#upload(paddedBias, made) };
    };
  }

  #norm({ channels }: NormParameter, weight: Float32Array, bias: Float32Array, made: WeightMemory[]): WeightMemory {
    const both = new Float32Array(2 * padded(channels));
    both.set(weight);
    both.set(bias, padded(channels));
    return this.#upload(both, made);
  }

  #codebook({ codes, channels }: CodebookParameter, weight: Float32Array, made: WeightMemory[]): WeightMemory {
    const width = padded(channels);
    if (width === channels) return this.#upload(weight, made);
    const rows = new Float32Array(codes * width);
    for (let code = 0; code < codes; code++) {
      rows.set(weight.subarray(code * channels, (code + 1) * channels), code * width);
    }
    return this.#upload(rows, made);
  }

  /** Runs a packing kernel over one layer. */
  #pack(
    pipeline: Pipeline,
    compiled: GPUComputePipeline,
    source: Float32Array,
    target: GPUBuffer,
    params: Record<"ins" | "outs" | "inRows" | "outC4", number>,
  ): void {
    const device = this.#device;
    const raw = this.#pool.acquire(source.byteLength, "weights");
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
    pass.dispatchWorkgroups(Math.ceil(params.inRows / LANES), params.outC4);
    pass.end();
    device.queue.submit([encoder.finish()]);
    uniforms.destroy();
    this.#pool.release(raw);
  }

  #upload(data: Float32Array, made: WeightMemory[]): WeightMemory {
    const memory = this.#create(data.byteLength, "f32", made);
    this.#device.queue.writeBuffer(memory.buffer, 0, data as Float32Array<ArrayBuffer>);
    return memory;
  }

  #create(bytes: number, element: Element, made: WeightMemory[]): WeightMemory {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
    const memory = { buffer: this.#device.createBuffer({ size: bytes, usage }), bytes, element };
    this.#bytes += bytes;
    made.push(memory);
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
    const all = "weights" in prepared ? [prepared.weights, prepared.bias] : [prepared.buffer];
    all.forEach((memory) => this.#destroy(memory));
  }
}

function padded(channels: number): number {
  return Math.ceil(channels / 4) * 4;
}

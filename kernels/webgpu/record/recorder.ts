/**
 * Records the dispatches of a graph, which the launcher of each op adds.
 *
 * Feature maps are NHWC with channels padded to a multiple of four, so that a `vec4f` holds four channels of one pixel;
 * padding channels are zero. Pixels are numbered through a batch: image, row, column. A feature map may be larger than a
 * binding. Launchers then process bands of rows, and bind the part of each feature map that a band accesses, its
 * {@linkcode Window}.
 *
 * @module
 */

import { findParameter, type Kept, type Parameter } from "../../graph/parameters.ts";
import type { Node } from "../../graph/graph.ts";
import { DeviceError } from "../../errors.ts";
import type { OpCost } from "../../graph/cost.ts";
import type { Gpu } from "../device/device.ts";
import { type Element, OVERFLOW, specialize, VEC4_BYTES } from "../shader/element.ts";
import { checkBufferSize } from "../device/buffer_pool.ts";
import { type Kernel, packParams, type Pipeline, type PipelineCache } from "../shader/pipeline.ts";
import { chooseTile, type Tile, type Tuning } from "../shader/tiles.ts";
import type { Choice } from "./choice.ts";
import {
  ALIGNMENT,
  asBinding,
  bands,
  type Binding,
  type FeatureMap,
  MAX_GRID,
  type Memory,
  PlannedMemory,
  rowBytes,
  type Window,
} from "./feature_map.ts";
import type { PreparedParameter } from "./packed_weights.ts";

/** One recorded dispatch. */
export interface Dispatch {
  /** The op that it is a part of. */
  readonly op: OpCost;
  readonly label: string;
  readonly pipeline: Pipeline;
  readonly bindings: readonly Binding[];
  readonly params: Uint32Array<ArrayBuffer>;
  readonly grid: readonly [number, number, number];
}

/** Arguments of a dispatch, by their names in the shader. */
export interface Launch {
  readonly params: Readonly<Record<string, number>>;
  readonly buffers: Readonly<Record<string, Memory | Binding>>;
  /** Workgroups in x, y, z. */
  readonly grid: readonly [number, number, number];
}

/** Collects the dispatches of a graph. */
export class Recorder {
  readonly dispatches: Dispatch[] = [];
  /** The op that is being recorded. */
  op!: OpCost;
  /** How to compute it, if not as by default. */
  choice: Choice = {};
  /** Not 0 after a run in which a value was out of float16's range; planned if a kernel writes float16. */
  overflow: PlannedMemory | undefined;
  readonly tuning: Tuning;
  readonly #gpu: Gpu;
  readonly #pipelines: PipelineCache;
  readonly #parameters: ReadonlyMap<string, Kept<PreparedParameter>>;
  readonly #float16: ReadonlySet<Node>;
  readonly #values = new Map<number, FeatureMap | PlannedMemory>();

  constructor(
    gpu: Gpu,
    pipelines: PipelineCache,
    parameters: ReadonlyMap<string, Kept<PreparedParameter>>,
    tuning: Tuning,
    float16: ReadonlySet<Node>,
  ) {
    this.#gpu = gpu;
    this.#pipelines = pipelines;
    this.#parameters = parameters;
    this.tuning = tuning;
    this.#float16 = float16;
  }

  /** Most bytes of a binding. */
  get bindingLimit(): number {
    return this.#gpu.device.limits.maxStorageBufferBindingSize;
  }

  /** Most bytes of a binding of a feature map, or of an array of its size. */
  get windowLimit(): number {
    return Math.min(this.bindingLimit, this.tuning.windowBytes);
  }

  /** Plans memory; throws a {@linkcode DeviceError} if it is larger than a buffer of the device can be. */
  allocate(bytes: number, element: Element = "f32"): PlannedMemory {
    checkBufferSize(bytes, this.op.name, this.#gpu.device.limits.maxBufferSize);
    return new PlannedMemory(bytes, element, this.op.name);
  }

  /** Whether the result of an op is stored in float16. */
  isFloat16(node: Node): boolean {
    return this.#float16.has(node);
  }

  /** Plans the feature map that is the result of an op. */
  createFeatureMap(node: Node): FeatureMap {
    const [n, c, h, w] = node.shape;
    const c4 = Math.ceil(c / 4);
    const element = this.isFloat16(node) ? "f16" : "f32";
    const memory = this.allocate(n * h * w * c4 * VEC4_BYTES[element], element);
    const map = { memory, offset: 0, n, h, w, c, c4 };
    this.#values.set(node.id, map);
    return map;
  }

  /** Plans the plain array that is the result of an op: indices, sums, scalars. */
  createArray(node: Node): PlannedMemory {
    const memory = this.allocate(node.shape.reduce((product, side) => product * side, 1) * 4);
    this.#values.set(node.id, memory);
    return memory;
  }

  /** Makes existing memory the result of an op. */
  alias(node: Node, value: FeatureMap | PlannedMemory): void {
    this.#values.set(node.id, value);
  }

  /** The feature map that is the result of an earlier op. */
  featureMap(node: Node): FeatureMap {
    return this.#values.get(node.id) as FeatureMap;
  }

  /** The plain array that is the result of an earlier op. */
  array(node: Node): PlannedMemory {
    return this.#values.get(node.id) as PlannedMemory;
  }

  /** The packed weights of a layer. */
  parameter<K extends Parameter["kind"]>(parameter: Parameter & { kind: K }): PreparedParameter & { kind: K } {
    return findParameter(this.#parameters, parameter) as PreparedParameter & { kind: K };
  }

  /** The tile for `count` products of `rows` × `columns` (in `vec4f`). */
  chooseTile(rows: number, columns: number, count = 1): Tile {
    return this.choice.tile ?? chooseTile(this.tuning, rows, columns, count);
  }

  /** Records a dispatch. */
  dispatch(kernel: Kernel, { params, buffers, grid }: Launch): void {
    const given = Object.entries(buffers).map(([name, part]) => [name, asBinding(part)] as const);
    const elements = given.map(([name, { memory }]) => [name, memory.element] as const);
    const pipeline = this.#pipelines.get(specialize(kernel, elements));
    const byName = new Map(given);
    const bindings = pipeline.interface.buffers.map(({ name }) => {
      return name === OVERFLOW ? asBinding(this.overflow ??= this.allocate(4)) : byName.get(name)!;
    });
    const label = `${kernel.label} of ${this.op.name}`;
    for (const { size } of bindings) this.#checkBinding(label, size);
    if (grid.some((side) => side > MAX_GRID)) {
      throw new DeviceError(
        `Cannot run ${label}: expected at most ${MAX_GRID} workgroups in each dimension, found [${grid}]. ` +
          "Use a smaller picture or batch",
      );
    }
    this.dispatches.push({
      op: this.op,
      label,
      pipeline,
      bindings,
      params: packParams(pipeline.interface, params),
      grid,
    });
  }

  /** A binding of the pixels `[from, to)`; of all pixels, if one binding can hold them. */
  window({ memory, offset, n, h, w, c4 }: FeatureMap, from: number, to: number): Window {
    const vec4 = VEC4_BYTES[memory.element];
    const pixel = c4 * vec4;
    const pixels = n * h * w;
    const [first, end] = offset % ALIGNMENT + pixels * pixel <= this.windowLimit ? [0, pixels] : [from, to];
    const start = Math.floor((offset + first * pixel) / ALIGNMENT) * ALIGNMENT;
    return {
      binding: { memory, offset: start, size: offset + end * pixel - start },
      origin: (start - offset) / vec4,
    };
  }

  /**
   * Splits the pixels `[first, end)` of feature maps of one size into bands of whole rows, such that a band of each fits a
   * binding, and a dispatch whose workgroups process `each` pixels is within the limits of workgroups and time.
   */
  pixelBands(maps: readonly FeatureMap[], each: number): [first: number, end: number][] {
    const { n, h, w } = maps[0];
    const bytes = Math.max(...maps.map(rowBytes));
    const rows = Math.min(this.rowsPerBinding(bytes), Math.floor(MAX_GRID * each / w), this.rowsPerDispatch(n * h));
    return bands(n * h, Math.max(1, rows)).map(([from, to]) => [from * w, to * w]);
  }

  /** Rows of `bytes` bytes that fit a binding and the workgroups of a dispatch. */
  rowsPerBinding(bytes: number): number {
    const rows = Math.floor((this.windowLimit - ALIGNMENT) / bytes);
    return Math.min(Math.max(rows, 1), MAX_GRID); // if not even one row fits, dispatch throws
  }

  /** Rows that one dispatch should compute of the `rows` of the current op; may be 0. */
  rowsPerDispatch(rows: number): number {
    return Math.floor(rows * this.tuning.dispatchFlops / this.op.flops);
  }

  #checkBinding(label: string, size: number): void {
    if (size > this.bindingLimit) {
      throw new DeviceError(
        `Cannot run ${label}: it binds ${size} bytes, but a binding of this device has at most ${this.bindingLimit}. ` +
          "Use a smaller picture or batch",
      );
    }
  }
}

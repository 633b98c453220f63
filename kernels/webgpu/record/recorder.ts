/**
 * Turns ops into dispatches: what each op's launcher writes on.
 *
 * Inside this engine pictures are NHWC with channels padded to a multiple of four, so that a `vec4f` holds four channels
 * of one pixel; padding channels are zero everywhere. The pixels of a batch are counted through: image, row, column.
 * A tensor may be larger than one binding. Launchers then work in bands of rows or pixels, and bind the part of each
 * tensor that a band touches, its {@linkcode Window}.
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
  /** What it is part of. */
  readonly op: OpCost;
  readonly label: string;
  readonly pipeline: Pipeline;
  readonly bindings: readonly Binding[];
  readonly params: Uint32Array<ArrayBuffer>;
  readonly grid: readonly [number, number, number];
}

/** What a launcher says of a dispatch; parameters and buffers are named as in the shader. */
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
  /** The tile that was measured to be the fastest for it, if any was. */
  tile: Tile | undefined;
  /** Not 0 after a run in which a value was out of float16's range; planned if that can be. */
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

  /** The most bytes that one binding can show a kernel. */
  get bindingLimit(): number {
    return this.#gpu.device.limits.maxStorageBufferBindingSize;
  }

  /** The most bytes of a feature map, or of an array like one, that one binding shows. */
  get windowLimit(): number {
    return Math.min(this.bindingLimit, this.tuning.windowBytes);
  }

  /** Plans memory; throws a {@linkcode DeviceError} if it is more than a buffer of the device. */
  allocate(bytes: number, element: Element = "f32"): PlannedMemory {
    checkBufferSize(bytes, this.op.name, this.#gpu.device.limits.maxBufferSize);
    return new PlannedMemory(bytes, element, this.op.name);
  }

  /** Whether the result of an op is stored in float16. */
  isFloat16(node: Node): boolean {
    return this.#float16.has(node);
  }

  /** Plans the result of an op that makes a picture. */
  createFeatureMap(node: Node): FeatureMap {
    const [n, c, h, w] = node.shape;
    const c4 = Math.ceil(c / 4);
    const element = this.isFloat16(node) ? "f16" : "f32";
    const memory = this.allocate(n * h * w * c4 * VEC4_BYTES[element], element);
    const map = { memory, offset: 0, n, h, w, c, c4 };
    this.#values.set(node.id, map);
    return map;
  }

  /** Plans the result of an op that makes a plain array: indices, scalars. */
  createArray(node: Node): PlannedMemory {
    const memory = this.allocate(node.shape.reduce((product, side) => product * side, 1) * 4);
    this.#values.set(node.id, memory);
    return memory;
  }

  /** Makes the result of an op something that exists already. */
  alias(node: Node, value: FeatureMap | PlannedMemory): void {
    this.#values.set(node.id, value);
  }

  /** The picture that an earlier op made. */
  featureMap(node: Node): FeatureMap {
    return this.#values.get(node.id) as FeatureMap;
  }

  /** The plain array that an earlier op made. */
  array(node: Node): PlannedMemory {
    return this.#values.get(node.id) as PlannedMemory;
  }

  /** The weights of a layer, as prepared for this device. */
  parameter<K extends Parameter["kind"]>(parameter: Parameter & { kind: K }): PreparedParameter & { kind: K } {
    return findParameter(this.#parameters, parameter) as PreparedParameter & { kind: K };
  }

  /**
   * The tile for a product of `rows` × `columns` (in `vec4f`), where an invocation may compute at most `outputs` of them.
   */
  chooseTile(rows: number, columns: number, outputs = Infinity): Tile {
    const tiles = this.tuning.tiles.filter((tile) => tile.rows * tile.columns <= outputs);
    return this.tile && tiles.includes(this.tile) ? this.tile : chooseTile(tiles, rows, columns);
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
        `Cannot run ${label}: it takes [${grid}] workgroups, a device ${MAX_GRID} in each dimension. ` +
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

  /** Shows a kernel the pixels `[from, to)`; all of them, where one binding holds all. */
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
   * Splits the pixels of pictures of one size into bands of whole rows, `[first, end)`, such that a band of each fits a
   * binding, and a dispatch whose workgroups take `each` pixels fits the grid and takes not too long.
   */
  pixelBands(pictures: readonly FeatureMap[], each: number): [first: number, end: number][] {
    const { n, h, w } = pictures[0];
    const bytes = Math.max(...pictures.map(rowBytes));
    const rows = Math.min(this.rowsPerBinding(bytes), Math.floor(MAX_GRID * each / w), this.rowsPerDispatch(n * h));
    return bands(n * h, Math.max(1, rows)).map(([from, to]) => [from * w, to * w]);
  }

  /** How many rows of `bytes` bytes one binding can show, and one dispatch can number. */
  rowsPerBinding(bytes: number): number {
    const rows = Math.floor((this.windowLimit - ALIGNMENT) / bytes);
    return Math.min(Math.max(rows, 1), MAX_GRID); // where not even one row fits, the dispatch says so
  }

  /** How many of the `rows` of the op at hand one dispatch should compute; it may be less than one. */
  rowsPerDispatch(rows: number): number {
    return Math.floor(rows * this.tuning.dispatchFlops / this.op.flops);
  }

  #checkBinding(label: string, size: number): void {
    if (size > this.bindingLimit) {
      throw new DeviceError(
        `Cannot run ${label}: it must see ${size} bytes at once, this device shows a kernel ${this.bindingLimit}. ` +
          "Use a smaller picture or batch",
      );
    }
  }
}

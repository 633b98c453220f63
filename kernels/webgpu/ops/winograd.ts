/**
 * 3×3 convolution by Winograd's F(4×4, 3×3) (Lavin and Gray, 2015): a 4×4 tile of outputs takes 36 multiplications per
 * pair of channels instead of 144.
 *
 * Three passes over bands of tile rows: transform input tiles of 6×6 pixels, multiply channels at each of the 36
 * positions, transform the products to outputs. Weights that are not held transformed are transformed in each call, into
 * scratch memory.
 *
 * @module
 */

import type { Conv2d } from "../../graph/graph.ts";
import { VEC4_BYTES } from "../shader/element.ts";
import { type Matrices, recordMatmul } from "./matmul.ts";
import { type Kernel, labelOf } from "../shader/pipeline.ts";
import { bands, type FeatureMap, MAX_GRID, rowBytes, VEC4 } from "../record/feature_map.ts";
import type { Recorder } from "../record/recorder.ts";
import type { PreparedConv } from "../record/packed_weights.ts";
import { memoized, unroll } from "../shader/wgsl.ts";
import {
  A_TRANSPOSED,
  B_TRANSPOSED,
  countOf,
  dot,
  INPUT_TILE,
  KERNEL_SCALE,
  positionOf,
  TILE,
  transformKernel,
} from "../shader/winograd_transforms.ts";

const HEADER = `
struct Params { h: u32, w: u32, c4: u32, tilesX: u32, tilesY: u32, firstTile: u32, tiles: u32, origin: u32, residualShift: u32 }
@group(0) @binding(0) var<uniform> p: Params;
override LANES_X: u32;
override LANES_Y: u32;
struct Tile { index: u32, image: u32, y: u32, x: u32, channel: u32 }
fn tileOf(wg: vec3u, l: vec3u) -> Tile {
  let index = wg.y * LANES_Y + l.y;
  let row = (p.firstTile + index) / p.tilesX;
  return Tile(index, row / p.tilesY, (row % p.tilesY) * ${TILE}u, ((p.firstTile + index) % p.tilesX) * ${TILE}u, wg.x * LANES_X + l.x);
}`;

/** The number of input rows (or columns) that a tile reads, and the index `of` the one at each of its six places. */
function sources(upsample: boolean): { count: number; of: (place: number) => number; first: string } {
  return upsample
    ? { count: 4, of: (place) => Math.floor((place + 1) / 2), first: " / 2u) - 1" }
    : { count: INPUT_TILE, of: (place) => place, first: ") - 1" };
}

/** x → [position][tile][channel]. */
function transformInput(upsample: boolean): string {
  const { count, of, first } = sources(upsample);
  const places = countOf(upsample);
  return `${HEADER}
@group(0) @binding(1) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(2) var<storage, read_write> transformed: array<vec4<TRANSFORMED>>;

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let tile = tileOf(wg, l);
  if (tile.channel >= p.c4 || tile.index >= p.tiles) { return; }
  let top = i32(tile.y${first};
  let left = i32(tile.x${first};
  ${
    unroll(count, (i) =>
      `let y${i} = top + ${i};
  let insideY${i} = y${i} >= 0 && y${i} < i32(p.h);
  let row${i} = (tile.image * p.h + u32(clamp(y${i}, 0, i32(p.h) - 1))) * p.w;
  `)
  }
  ${unroll(places, (i) => unroll(INPUT_TILE, (j) => `var t${i}_${j}: vec4f;\n  `))}
  ${
    unroll(count, (j) =>
      `{ let x${j} = left + ${j};
    let inside = x${j} >= 0 && x${j} < i32(p.w);
    let column = u32(clamp(x${j}, 0, i32(p.w) - 1));
    ${
        unroll(count, (i) =>
          `let d${i} = select(vec4f(), ${
            1 / KERNEL_SCALE
          } * vec4f(x[(row${i} + column) * p.c4 + tile.channel - p.origin]), inside && insideY${i});\n    `)
      }
    ${
        unroll(INPUT_TILE, (place) =>
          of(place) !== j
            ? ""
            : unroll(places, (i) => `t${i}_${place} = ${dot(B_TRANSPOSED[i], (k) => `d${of(k)}`)};\n    `))
      } }
  `)
  }
  let to = tile.index * p.c4 + tile.channel;
  let step = p.tiles * p.c4;
  ${
    unroll(places, (i) =>
      unroll(places, (j) =>
        `transformed[to + ${positionOf(i, j)}u * step] = stored(${
          dot(B_TRANSPOSED[j], (k) =>
            `t${i}_${k}`)
        });\n  `))
  }
}`;
}

/** [position][tile][channel] → y, with bias and residual. */
function transformOutput(upsample: boolean, residual: boolean): string {
  const places = countOf(upsample);
  const combine = (i: number, value: (place: number) => string) => dot(A_TRANSPOSED[i].slice(0, places), value);
  return `${HEADER}
@group(0) @binding(1) var<storage, read> products: array<vec4<PRODUCTS>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<Y>>;
${residual ? "@group(0) @binding(4) var<storage, read> residual: array<vec4<RESIDUAL>>;" : ""}

fn put(tile: Tile, dy: u32, dx: u32, value: vec4f) {
  if (tile.y + dy >= p.h || tile.x + dx >= p.w) { return; }
  let at = ((tile.image * p.h + tile.y + dy) * p.w + tile.x + dx) * p.c4 + tile.channel - p.origin;
  y[at] = stored(value${residual ? " + vec4f(residual[at + p.residualShift])" : ""});
}

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let tile = tileOf(wg, l);
  if (tile.channel >= p.c4 || tile.index >= p.tiles) { return; }
  let start = tile.index * p.c4 + tile.channel;
  let step = p.tiles * p.c4;
  ${unroll(TILE, (i) => unroll(places, (j) => `var t${i}_${j}: vec4f;\n  `))}
  ${
    unroll(places, (j) =>
      `{ ${
        unroll(places, (i) => `let m${i} = vec4f(products[start + ${positionOf(i, j)}u * step]);\n    `)
      }
    ${unroll(TILE, (i) => `t${i}_${j} = ${combine(i, (k) => `m${k}`)};\n    `)} }
  `)
  }
  let offset = bias[tile.channel];
  ${
    unroll(TILE, (i) =>
      unroll(TILE, (j) => `put(tile, ${i}u, ${j}u, offset + ${combine(j, (k) => `t${i}_${k}`)});\n  `))
  }
}`;
}

/** [tap][in][out] → [position][in][out], for some columns of output channels. */
function transformWeights(upsample: boolean): string {
  const write = (position: number, value: string) =>
    `transformed[(${position}u * p.rows + row) * p.columns + column] = vec4<TRANSFORMED>(${value});\n  `;
  return `
struct Params { rows: u32, c4: u32, firstColumn: u32, columns: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4<WEIGHTS>>;
@group(0) @binding(2) var<storage, read_write> transformed: array<vec4<TRANSFORMED>>;
override LANES_X: u32;
override LANES_Y: u32;

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let column = wg.x * LANES_X + l.x;
  let row = wg.y * LANES_Y + l.y;
  if (column >= p.columns || row >= p.rows) { return; }
  ${unroll(9, (t) => `let g${t} = vec4f(weights[(${t}u * p.rows + row) * p.c4 + p.firstColumn + column]);\n  `)}
  ${transformKernel(countOf(upsample), write)}
}`;
}

const weightsSource = memoized(transformWeights);
const inputSource = memoized(transformInput);
const outputSource = memoized(transformOutput);

/** Records a 3×3 convolution of stride 1. */
export function recordWinograd(r: Recorder, op: Conv2d, x: FeatureMap, y: FeatureMap, weights: PreparedConv): void {
  const residual = op.residual && r.featureMap(op.residual);
  const [lanesX, lanesY] = r.tuning.lanes;
  const constants = { LANES_X: lanesX, LANES_Y: lanesY };
  const [tilesX, tilesY] = [Math.ceil(y.w / TILE), Math.ceil(y.h / TILE)];
  const input: Kernel = {
    label: labelOf("winograd input", op.upsample && "upsampled"),
    source: inputSource(op.upsample),
    constants,
  };
  const output: Kernel = {
    label: labelOf("winograd output", op.upsample && "upsampled", residual && "residual"),
    source: outputSource(op.upsample, residual !== undefined),
    constants,
  };
  const { element } = weights.weights; // also the element type of the scratch memory
  const positions = countOf(op.upsample) ** 2;
  const held = { memory: weights.weights, count: positions, rows: x.c4 * 4, columns4: y.c4 };
  let kernels: Matrices | undefined = weights.transformed ? held : undefined;
  const columnBands = bands(y.c4, kernels ? y.c4 : columnsPerBand(r, op.upsample, x));
  for (const [from, to] of bands(y.n * tilesY, tileRowsPerBand(r, op.upsample, x, y, tilesX))) {
    const tiles = (to - from) * tilesX;
    const transformed = r.allocate(positions * tiles * x.c4 * VEC4_BYTES[element], element);
    const products = r.allocate(positions * tiles * y.c4 * VEC4_BYTES[element], element);
    const common = { tilesX, tilesY, firstTile: from * tilesX, tiles };
    const grid = (c4: number) => [Math.ceil(c4 / lanesX), Math.ceil(tiles / lanesY), 1] as const;

    const source = r.window(x, ...sourcePixels(op.upsample, x, tilesY, from, to));
    r.dispatch(input, {
      params: { ...common, h: x.h, w: x.w, c4: x.c4, origin: source.origin, residualShift: 0 },
      buffers: { x: source.binding, transformed },
      grid: grid(x.c4),
    });
    for (const [firstColumn, endColumn] of columnBands) {
      if (!kernels || columnBands.length > 1) {
        kernels = recordWeights(r, op.upsample, weights, { rows: x.c4 * 4, c4: y.c4, firstColumn, endColumn });
      }
      recordMatmul(
        r,
        { memory: transformed, count: positions, rows: tiles, columns4: x.c4 },
        kernels,
        { memory: products, count: positions, rows: tiles, columns4: y.c4 },
        { firstColumn },
      );
    }
    const outputRow = (tileRow: number) =>
      Math.floor(tileRow / tilesY) * y.h + Math.min(y.h, (tileRow % tilesY) * TILE);
    const [first, end] = [outputRow(from) * y.w, outputRow(to) * y.w];
    const target = r.window(y, first, end);
    const added = residual && r.window(residual, first, end);
    r.dispatch(output, {
      params: {
        ...common,
        h: y.h,
        w: y.w,
        c4: y.c4,
        origin: target.origin,
        residualShift: added ? target.origin - added.origin : 0,
      },
      buffers: {
        products,
        bias: weights.bias,
        y: target.binding,
        ...(added ? { residual: added.binding } : {}),
      },
      grid: grid(y.c4),
    });
  }
}

/** Records the transform of the weights of the columns `[firstColumn, endColumn)` of `c4`. */
function recordWeights(
  r: Recorder,
  upsample: boolean,
  { weights }: PreparedConv,
  { rows, c4, firstColumn, endColumn }: Record<"rows" | "c4" | "firstColumn" | "endColumn", number>,
): Matrices {
  const [lanesX, lanesY] = r.tuning.lanes;
  const [count, columns] = [countOf(upsample) ** 2, endColumn - firstColumn];
  const transformed = r.allocate(count * rows * columns * VEC4_BYTES[weights.element], weights.element);
  r.dispatch({
    label: labelOf("winograd weights", upsample && "upsampled"),
    source: weightsSource(upsample),
    constants: { LANES_X: lanesX, LANES_Y: lanesY },
  }, {
    params: { rows, c4, firstColumn, columns },
    buffers: { weights, transformed },
    grid: [Math.ceil(columns / lanesX), Math.ceil(rows / lanesY), 1],
  });
  return { memory: transformed, count, rows, columns4: columns };
}

/** Columns of output channels, in `vec4f`, whose transformed weights fit the scratch memory and a binding. */
export function columnsPerBand(r: Recorder, upsample: boolean, x: FeatureMap): number {
  const bytes = Math.min(r.tuning.scratchBytes, r.bindingLimit);
  return Math.max(1, Math.floor(bytes / (countOf(upsample) ** 2 * x.c4 * 4 * VEC4)));
}

/** Tile rows that fit the bindings and the scratch memory, by its size with float32. */
function tileRowsPerBand(r: Recorder, upsample: boolean, x: FeatureMap, y: FeatureMap, tilesX: number): number {
  const scratch = Math.floor(r.tuning.scratchBytes / (countOf(upsample) ** 2 * tilesX * Math.max(x.c4, y.c4) * VEC4));
  const outputs = Math.floor(r.rowsPerBinding(rowBytes(y)) / TILE);
  const inputs = Math.floor((r.rowsPerBinding(rowBytes(x)) - 2) * (upsample ? 2 : 1) / TILE);
  const grid = Math.floor(MAX_GRID / tilesX);
  return Math.max(1, Math.min(scratch, outputs, inputs, grid));
}

/** The input pixels that the tile rows `[from, to)` read; rows are numbered through all images. */
function sourcePixels(
  upsample: boolean,
  x: FeatureMap,
  tilesY: number,
  from: number,
  to: number,
): [from: number, to: number] {
  const inputRow = (tileRow: number, offset: number) => {
    const virtual = (tileRow % tilesY) * TILE + offset;
    return Math.floor(tileRow / tilesY) * x.h + (upsample ? Math.floor(virtual / 2) : virtual);
  };
  const first = Math.max(0, inputRow(from, -1));
  const last = Math.min(x.n * x.h - 1, inputRow(to - 1, TILE));
  return [first * x.w, (last + 1) * x.w];
}

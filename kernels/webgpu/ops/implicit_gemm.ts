/**
 * Convolution by implicit GEMM: a matrix product whose lhs, one row per output pixel, is gathered from the feature map tap
 * by tap.
 *
 * An invocation computes consecutive output pixels, for a few `vec4f` of output channels. If those are too few for the
 * lanes of a workgroup, the lanes partition the input channels instead, and their partial sums are added at the end.
 *
 * @module
 */

import type { Conv2d } from "../../graph/graph.ts";
import { type Kernel, labelOf } from "../shader/pipeline.ts";
import { bands, type FeatureMap, MAX_GRID, rowBytes } from "../record/feature_map.ts";
import type { Recorder } from "../record/recorder.ts";
import type { Tile } from "../shader/tiles.ts";
import type { PreparedConv } from "../record/packed_weights.ts";
import { memoized, multiplyRow, storeRows, unroll } from "../shader/wgsl.ts";

/** How output pixels map to input pixels. */
interface Geometry {
  readonly kernel: 1 | 3;
  readonly stride: 1 | 2;
  /** Padding on the left and at the top; upstream's stride-2 convolution pads only on the right and at the bottom. */
  readonly pad: 0 | 1;
  /** Each input pixel is repeated 2 ** shift times in each direction. */
  readonly shift: 0 | 1;
}

/** What the lanes of a workgroup partition along their first dimension. */
type Partition = "output channels" | "input channels";

function implicitGemm(tile: Tile, partition: Partition, residual: boolean): Kernel {
  const { rows, columns, lanesX, lanesY } = tile;
  const split = partition === "input channels";
  return {
    label: labelOf("conv", split && "few channels", residual && "residual"),
    constants: { LANES_X: lanesX, LANES_Y: lanesY },
    source: `
struct Params { h: u32, w: u32, inC4: u32, outH: u32, outW: u32, outC4: u32, kernel: u32, stride: u32, pad: u32, shift: u32, first: u32, end: u32, xOrigin: u32, yOrigin: u32, residualShift: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<WEIGHTS>>; // [tap][in channel][out channel]
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<Y>>;
${residual ? "@group(0) @binding(5) var<storage, read> residual: array<vec4<RESIDUAL>>;" : ""}
override LANES_X: u32;
override LANES_Y: u32;
${split ? `var<workgroup> partials: array<vec4f, LANES_X * LANES_Y * ${rows}u>;` : ""}

/** Input position of the first tap of an output pixel, in repeated pixels; it wraps around if it is before the first one. */
struct Place { image: u32, top: u32, left: u32 }
fn placeOf(pixel: u32) -> Place {
  let row = pixel / p.outW;
  return Place(row / p.outH, (row % p.outH) * p.stride - p.pad, (pixel % p.outW) * p.stride - p.pad);
}
fn next(place: Place) -> Place {
  let left = place.left + p.stride;
  let wrapsX = left + p.pad == p.outW * p.stride;
  let top = place.top + select(0u, p.stride, wrapsX);
  let wrapsY = top + p.pad == p.outH * p.stride;
  return Place(place.image + u32(wrapsY), select(top, 0u - p.pad, wrapsY), select(left, 0u - p.pad, wrapsX));
}

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + (wg.y * LANES_Y + l.y) * ${rows}u;
  let column = ${split ? "wg.x" : `wg.x * LANES_X * ${columns}u + l.x`};
  ${split ? "" : "if (pixel >= p.end || column >= p.outC4) { return; }"}
  ${unroll(columns, (j) => `let c${j} = min(column + ${j}u * LANES_X, p.outC4 - 1u);\n  `)}
  let place0 = placeOf(pixel);
  ${unroll(rows - 1, (i) => `let place${i + 1} = next(place${i});\n  `)}
  ${
      unroll(columns, (j) =>
        `let start${j} = ${split ? "vec4f()" : `bias[c${j}]`};\n  ${
          unroll(rows, (i) =>
            `var s${i}_${j} = start${j};\n  `)
        }`)
    }
  let height = p.h << p.shift;
  let width = p.w << p.shift;
  for (var tap = 0u; tap < p.kernel * p.kernel; tap++) {
    ${
      unroll(rows, (i) =>
        `let y${i} = place${i}.top + tap / p.kernel;
    let x${i} = place${i}.left + tap % p.kernel;
    let inside${i} = y${i} < height && x${i} < width; // false for positions that wrapped around
    let at${i} = ((place${i}.image * p.h + (y${i} >> p.shift)) * p.w + (x${i} >> p.shift)) * p.inC4 - p.xOrigin;
    `)
    }
    for (var k = ${split ? "l.x" : "0u"}; k < p.inC4; k += ${split ? "LANES_X" : "1u"}) {
      let row = (tap * p.inC4 + k) * 4u;
      ${
      unroll(4, (q) =>
        unroll(columns, (j) =>
          `let b${q}_${j} = vec4f(weights[(row + ${q}u) * p.outC4 + c${j}]);\n      `))
    }
      ${
      unroll(rows, (i) =>
        `{ let v = select(vec4f(), vec4f(x[at${i} + k]), inside${i});
      ${multiplyRow(i, columns, "v")} }
      `)
    }
    }
  }
  ${(split ? storeSums : storeTile)(tile, residual)}
}`,
  };
}

function storeTile(tile: Tile, residual: boolean): string {
  const storeOne = (i: number, j: number) =>
    `if (column + ${j}u * LANES_X < p.outC4) { ${store(`row + c${j}`, `s${i}_${j}`, residual)} }\n    `;
  return storeRows(tile, residual ? 2 : 1, (i, index) =>
    `if (pixel + ${index} < p.end) {
    let row = (pixel + ${index}) * p.outC4 - p.yOrigin;
    ${unroll(tile.columns, (j) => storeOne(i, j))}
  }
  `);
}

/** Adds the partial sums of all lanes; each lane does so for some pixels. */
function storeSums({ rows }: Tile, residual: boolean): string {
  return `
  let start = l.y * ${rows}u * LANES_X;
  ${unroll(rows, (i) => `partials[start + ${i}u * LANES_X + l.x] = s${i}_0;\n  `)}
  workgroupBarrier();
  for (var i = l.x; i < ${rows}u; i += LANES_X) {
    if (pixel + i >= p.end) { continue; }
    var sum = bias[c0];
    for (var lane = 0u; lane < LANES_X; lane++) { sum += partials[start + i * LANES_X + lane]; }
    let at = (pixel + i) * p.outC4 + c0 - p.yOrigin;
    ${store("at", "sum", residual)}
  }`;
}

function store(at: string, value: string, residual: boolean): string {
  return `y[${at}] = stored(${value}${residual ? ` + vec4f(residual[${at} + p.residualShift])` : ""});`;
}

const kernelOf = memoized(implicitGemm);

/** Records a convolution, or a linear layer over channels. */
export function recordImplicitGemm(r: Recorder, op: Conv2d, x: FeatureMap, y: FeatureMap, weights: PreparedConv): void {
  const residual = op.residual && r.featureMap(op.residual);
  const geometry = geometryOf(op, weights);
  const { thinTile } = r.tuning;
  const split = 2 * y.c4 < thinTile.lanesX && x.c4 >= thinTile.lanesX;
  const tile = split ? thinTile : r.chooseTile(y.n * y.h * y.w, y.c4);
  const kernel = kernelOf(tile, split ? "input channels" : "output channels", residual !== undefined);
  const pixels = tile.rows * tile.lanesY;
  for (const [from, to] of bands(y.n * y.h, rowsPerBand(r, x, y, geometry, pixels))) {
    const [first, end] = [from * y.w, to * y.w];
    const source = r.window(x, ...sourcePixels(x, y, geometry, from, to));
    const target = r.window(y, first, end);
    const added = residual && r.window(residual, first, end);
    r.dispatch(kernel, {
      params: {
        ...geometry,
        h: x.h,
        w: x.w,
        inC4: x.c4,
        outH: y.h,
        outW: y.w,
        outC4: y.c4,
        first,
        end,
        xOrigin: source.origin,
        yOrigin: target.origin,
        residualShift: added ? target.origin - added.origin : 0,
      },
      buffers: {
        x: source.binding,
        weights: weights.weights,
        bias: weights.bias,
        y: target.binding,
        ...(added ? { residual: added.binding } : {}),
      },
      grid: [split ? y.c4 : Math.ceil(y.c4 / (tile.columns * tile.lanesX)), Math.ceil((end - first) / pixels), 1],
    });
  }
}

function geometryOf({ upsample }: Conv2d, { kernel, stride }: PreparedConv): Geometry {
  return { kernel, stride, pad: kernel === 3 && stride === 1 ? 1 : 0, shift: upsample ? 1 : 0 };
}

/** Output rows that fit the bindings, the time, and the workgroups of a dispatch, which process `each` pixels. */
function rowsPerBand(r: Recorder, x: FeatureMap, y: FeatureMap, { stride, shift }: Geometry, each: number): number {
  const outputs = r.rowsPerBinding(rowBytes(y));
  const inputs = r.rowsPerBinding(rowBytes(x)) - 2; // the halo of the band
  const grid = Math.floor(MAX_GRID * each / y.w);
  return Math.max(1, Math.min(outputs, Math.floor((inputs << shift) / stride), grid, r.rowsPerDispatch(y.n * y.h)));
}

/** The input pixels that the output rows `[from, to)` read; rows are numbered through all images. */
function sourcePixels(
  x: FeatureMap,
  y: FeatureMap,
  { kernel, stride, pad, shift }: Geometry,
  from: number,
  to: number,
): [from: number, to: number] {
  const inputRow = (row: number, offset: number) => {
    return Math.floor(row / y.h) * x.h + (((row % y.h) * stride + offset) >> shift);
  };
  const first = Math.max(0, inputRow(from, -pad));
  const last = Math.min(x.n * x.h - 1, inputRow(to - 1, kernel - 1 - pad));
  return [first * x.w, (last + 1) * x.w];
}

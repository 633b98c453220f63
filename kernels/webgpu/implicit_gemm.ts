/**
 * Convolution as a matrix product whose left operand is read straight from the picture.
 *
 * An invocation computes a run of pixels of one output row, for a few `vec4f` of output channels. Neighbouring outputs
 * share their inputs, so each input is loaded once for all columns of the kernel.
 *
 * @module
 */

import type { Conv2d } from "../graph.ts";
import type { Kernel } from "./pipeline.ts";
import { bands, type FeatureMap, type Recorder, VEC4 } from "./recorder.ts";
import { fitTile, type Tile } from "./tuning.ts";
import type { PreparedConv } from "./weights.ts";
import { unroll } from "./wgsl.ts";

/** The geometry of a convolution, as far as it changes the text of the shader. */
interface Geometry {
  readonly kernel: 1 | 3;
  readonly stride: 1 | 2;
  readonly upsample: boolean;
}

/** Zeros on the left and on top; upstream's stride-2 convolution pads only on the right and at the bottom. */
function padding({ kernel, stride }: Geometry): number {
  return kernel === 3 && stride === 1 ? 1 : 0;
}

/** Which loaded pixel the output `i` of a run reads under kernel column `kx`; run starts are even, so this is static. */
function sourceOf(g: Geometry, i: number, kx: number): number {
  const virtual = i * g.stride + kx; // relative to the first virtual pixel, which lies `padding` before the run
  return g.upsample ? Math.floor((virtual + 1) / 2) : virtual;
}

function implicitGemm(g: Geometry, tile: Tile): Kernel {
  const { rows, columns, lanesX, lanesY } = tile;
  const loads = sourceOf(g, rows - 1, g.kernel - 1) + 1;
  const pad = padding(g);
  const firstSource = g.upsample ? "i32(x0 / 2u) - 1" : `i32(x0 * ${g.stride}u) - ${pad}`;
  const multiply = (kx: number) =>
    `{
        let row = ((ky * ${g.kernel}u + ${kx}u) * p.inC4 + k) * 4u;
        ${
      unroll(4, (q) => unroll(columns, (j) => `let b${q}_${j} = weights[(row + ${q}u) * p.outC4 + c${j}];\n        `))
    }
        ${
      unroll(rows, (i) => {
        const a = `a${sourceOf(g, i, kx)}`;
        return unroll(
          columns,
          (j) => `s${i}_${j} += ${a}.x * b0_${j} + ${a}.y * b1_${j} + ${a}.z * b2_${j} + ${a}.w * b3_${j};\n        `,
        );
      })
    }}`;
  return {
    label: `conv ${g.kernel}x${g.kernel}${g.stride === 2 ? " stride 2" : ""}${g.upsample ? " upsampled" : ""}`,
    constants: { LANES_X: lanesX, LANES_Y: lanesY },
    source: `
struct Params { h: u32, w: u32, inC4: u32, outH: u32, outW: u32, outC4: u32, firstRow: u32, addResidual: u32, xOrigin: u32, yOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> weights: array<vec4f>; // [tap][in channel][out channel]
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;
override LANES_X: u32;
override LANES_Y: u32;

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let x0 = (wg.y * LANES_Y + l.y) * ${rows}u;
  let column = wg.x * LANES_X * ${columns}u + l.x;
  if (x0 >= p.outW || column >= p.outC4) { return; }
  ${unroll(columns, (j) => `let c${j} = min(column + ${j}u * LANES_X, p.outC4 - 1u);\n  `)}
  let outRow = p.firstRow + wg.z;
  let image = outRow / p.outH;
  let top = i32((outRow % p.outH) * ${g.stride}u) - ${pad};
  let left = ${firstSource};
  ${
      unroll(loads, (t) =>
        `let inside${t} = left >= -${t} && left < i32(p.w) - ${t};
  let at${t} = u32(clamp(left + ${t}, 0, i32(p.w) - 1)) * p.inC4;
  `)
    }
  ${unroll(rows, (i) => unroll(columns, (j) => `var s${i}_${j} = vec4f();\n  `))}
  for (var ky = 0u; ky < ${g.kernel}u; ky++) {
    let virtualY = top + i32(ky);
    if (virtualY < 0 || virtualY >= i32(p.h)${g.upsample ? " * 2" : ""}) { continue; }
    let source = (image * p.h + u32(virtualY)${g.upsample ? " / 2u" : ""}) * p.w * p.inC4 - p.xOrigin;
    for (var k = 0u; k < p.inC4; k++) {
      ${unroll(loads, (t) => `let a${t} = select(vec4f(), x[source + at${t} + k], inside${t});\n      `)}
      ${unroll(g.kernel, multiply)}
    }
  }
  let target0 = (outRow * p.outW + x0) * p.outC4;
  ${
      unroll(rows, (i) =>
        `if (x0 + ${i}u < p.outW) {
    ${
          unroll(columns, (j) =>
            `if (column + ${j}u * LANES_X < p.outC4) {
      let at = target0 + ${i}u * p.outC4 + c${j} - p.yOrigin;
      var v = s${i}_${j} + bias[c${j}];
      if (p.addResidual != 0u) { v += residual[at]; }
      y[at] = v;
    }
    `)
        }
  }
  `)
    }
}`,
  };
}

/** Records a convolution, or a linear layer over channels. */
export function recordImplicitGemm(r: Recorder, op: Conv2d, x: FeatureMap, y: FeatureMap, weights: PreparedConv): void {
  const residual = op.residual && r.featureMap(op.residual);
  const geometry: Geometry = { kernel: weights.kernel, stride: weights.stride, upsample: op.upsample };
  const tile = fitTile(runTile(r.tuning.conv, y.w), y.c4);
  const kernel = implicitGemm(geometry, tile);
  for (const [from, to] of bands(y.n * y.h, rowsPerBand(r, x, y, geometry))) {
    const { binding, origin: xOrigin } = r.window(x, ...sourcePixels(x, y, geometry, from, to));
    const target = r.window(y, from * y.w, to * y.w);
    const added = residual ? r.window(residual, from * y.w, to * y.w).binding : weights.bias;
    r.dispatch(kernel, {
      params: {
        h: x.h,
        w: x.w,
        inC4: x.c4,
        outH: y.h,
        outW: y.w,
        outC4: y.c4,
        firstRow: from,
        addResidual: residual ? 1 : 0,
        xOrigin,
        yOrigin: target.origin,
      },
      buffers: { x: binding, weights: weights.weights, bias: weights.bias, residual: added, y: target.binding },
      grid: [
        Math.ceil(y.c4 / (tile.columns * tile.lanesX)),
        Math.ceil(y.w / (tile.rows * tile.lanesY)),
        to - from,
      ],
    });
  }
}

/** Shorter runs for narrow pictures. */
function runTile(tile: Tile, width: number): Tile {
  return width <= tile.rows / 2 ? { ...tile, rows: 4 } : tile;
}

function rowsPerBand(r: Recorder, x: FeatureMap, y: FeatureMap, g: Geometry): number {
  const outputRows = r.rowsPerBinding(y.w * y.c4 * VEC4);
  const inputRows = r.rowsPerBinding(x.w * x.c4 * VEC4) - 2; // the kernel reaches over the band's edges
  return Math.max(1, Math.min(outputRows, Math.floor(g.upsample ? inputRows * 2 : inputRows / g.stride)));
}

/** The input pixels that the output rows `[from, to)` read; rows are counted through all images. */
function sourcePixels(
  x: FeatureMap,
  y: FeatureMap,
  g: Geometry,
  from: number,
  to: number,
): [from: number, to: number] {
  const inputRow = (row: number, reach: number) => {
    const virtual = (row % y.h) * g.stride + reach;
    return Math.floor(row / y.h) * x.h + Math.floor(g.upsample ? virtual / 2 : virtual);
  };
  const pad = padding(g);
  const first = Math.max(0, inputRow(from, -pad));
  const last = Math.min(x.n * x.h - 1, inputRow(to - 1, g.kernel - 1 - pad));
  return [first * x.w, (last + 1) * x.w];
}

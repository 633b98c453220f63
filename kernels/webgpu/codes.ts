/**
 * What follows the codebook search: reading code vectors, the straight-through value, and the quantization error.
 *
 * @module
 */

import type { Lookup, SquaredError, StraightThrough } from "../graph.ts";
import type { Kernel } from "./pipeline.ts";
import type { Activation, Recorder } from "./recorder.ts";
import { REDUCE } from "./wgsl.ts";

const LANES = 64;

/** Visits every `vec4f` of the pixels `[first, end)`: one workgroup for 64 pixels and each four channels. */
const PER_PIXEL = `
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + wg.x * ${LANES}u + l.x;
  if (pixel < p.end) { visit(pixel, pixel * p.c4 + wg.y, wg.y); }
}`;

const LOOKUP: Kernel = {
  label: "lookup",
  source: `
struct Params { c4: u32, first: u32, end: u32, origin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read> codebook: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
fn visit(pixel: u32, at: u32, c: u32) { y[at - p.origin] = codebook[indices[pixel] * p.c4 + c]; }
${PER_PIXEL}`,
};

const STRAIGHT_THROUGH: Kernel = {
  label: "straight through",
  source: `
struct Params { c4: u32, first: u32, end: u32, origin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> code: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
fn visit(pixel: u32, at: u32, c: u32) { let v = x[at - p.origin]; y[at - p.origin] = v + (code[at - p.origin] - v); }
${PER_PIXEL}`,
};

/** Each workgroup sums the squared differences of some pixels. */
const SQUARES = `
struct Params { c4: u32, first: u32, end: u32, origin: u32, firstSum: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> code: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;
${REDUCE}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + wg.x * LANES + l.x;
  var sum = 0.0;
  if (pixel < p.end) {
    for (var c = 0u; c < p.c4; c++) {
      let at = pixel * p.c4 + c - p.origin;
      let d = x[at] - code[at];
      sum += dot(d, d);
    }
  }
  sum = reduceSum(sum, l.x);
  if (l.x == 0u) { sums[p.firstSum + wg.x] = sum; }
}`;

/** One workgroup adds the sums up. */
const TOTAL = `
struct Params { count: u32, factor: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read_write> total: array<f32>;
${REDUCE}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) l: vec3u) {
  var sum = 0.0;
  for (var i = l.x; i < p.count; i += LANES) { sum += sums[i]; }
  sum = reduceSum(sum, l.x);
  if (l.x == 0u) { total[0] = sum * p.factor; }
}`;

/** Records a reading of code vectors. */
export function recordLookup(r: Recorder, op: Lookup): void {
  const y = r.createActivation(op);
  const indices = r.array(op.indices);
  const codebook = r.parameter(op.codebook).buffer;
  forEachBand(r, y, (params, window, grid) => {
    r.dispatch(LOOKUP, { params, buffers: { indices, codebook, y: window(y) }, grid });
  });
}

/** Records x + (code - x). */
export function recordStraightThrough(r: Recorder, op: StraightThrough): void {
  const [x, code] = [r.activation(op.x), r.activation(op.code)];
  const y = r.createActivation(op);
  forEachBand(r, y, (params, window, grid) => {
    r.dispatch(STRAIGHT_THROUGH, { params, buffers: { x: window(x), code: window(code), y: window(y) }, grid });
  });
}

/** Records factor · mean((x - code)²). */
export function recordSquaredError(r: Recorder, op: SquaredError): void {
  const [x, code] = [r.activation(op.x), r.activation(op.code)];
  const lanes = r.tuning.reduceLanes;
  const bandsOfPixels = r.pixelBands([x], lanes);
  const groups = bandsOfPixels.map(([first, end]) => Math.ceil((end - first) / lanes));
  const count = groups.reduce((a, b) => a + b, 0);
  const sums = r.allocate(count * 4);
  let firstSum = 0;
  bandsOfPixels.forEach(([first, end], i) => {
    const [a, b] = [r.window(x, first, end), r.window(code, first, end)];
    r.dispatch({ label: "squared error", source: SQUARES, constants: { LANES: lanes } }, {
      params: { c4: x.c4, first, end, origin: a.origin, firstSum },
      buffers: { x: a.binding, code: b.binding, sums },
      grid: [groups[i], 1, 1],
    });
    firstSum += groups[i];
  });
  const factor = op.factor / (x.n * x.c * x.h * x.w);
  r.dispatch({ label: "squared error: total", source: TOTAL, constants: { LANES: lanes } }, {
    params: { count, factor },
    buffers: { sums, total: r.createArray(op) },
    grid: [1, 1, 1],
  });
}

function forEachBand(
  r: Recorder,
  y: Activation,
  record: (
    params: Record<string, number>,
    window: (picture: Activation) => ReturnType<Recorder["window"]>["binding"],
    grid: readonly [number, number, number],
  ) => void,
): void {
  for (const [first, end] of r.pixelBands([y], LANES)) {
    const { origin } = r.window(y, first, end);
    const window = (picture: Activation) => r.window(picture, first, end).binding;
    record({ c4: y.c4, first, end, origin }, window, [Math.ceil((end - first) / LANES), y.c4, 1]);
  }
}

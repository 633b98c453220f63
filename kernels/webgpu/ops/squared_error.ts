/**
 * The quantization loss, factor · mean((x - code)²): sums of each workgroup, then their total.
 *
 * @module
 */

import type { SquaredError } from "../../graph/graph.ts";
import type { Recorder } from "../record/recorder.ts";
import { lanesFor, REDUCE } from "../shader/wgsl.ts";

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

/** One workgroup adds the sums. */
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

/** Records factor · mean((x - code)²). */
export function recordSquaredError(r: Recorder, op: SquaredError): void {
  const [x, code] = [r.featureMap(op.x), r.featureMap(op.code)];
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
  r.dispatch({ label: "squared error: total", source: TOTAL, constants: { LANES: lanesFor(count, lanes) } }, {
    params: { count, factor },
    buffers: { sums, total: r.createArray(op) },
    grid: [1, 1, 1],
  });
}

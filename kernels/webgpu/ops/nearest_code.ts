/**
 * Vector quantization: the nearest code of each pixel. Distances, or negated inner products, are compared as they are computed, without a matrix of
 * pixels × codes.
 *
 * @module
 */

import type { CodeMetric, NearestCode } from "../../graph/graph.ts";
import { type Kernel, labelOf } from "../shader/pipeline.ts";
import type { Recorder } from "../record/recorder.ts";
import { MAX_ITERATIONS, unroll } from "../shader/wgsl.ts";

/** Pixels of an invocation, and codes that it compares them with at a time. */
const PIXELS = 4;
const CODES = 4;
const LANES = 8;
/** Pixels of a row of workgroups. */
const ROW = 65536;

/** The largest float32. */
const LARGEST = "bitcast<f32>(0x7f7fffffu)";

/** Adds the term of four channels to a distance: of the squared one, or of the negated inner product. */
function addTerm(distance: string, code: string, metric: CodeMetric): string {
  if (metric === "product") return `${distance} -= dot(v, ${code});`;
  return `{ let d = v - ${code}; ${distance} += dot(d, d); }`;
}

/** The nearest code of each pixel in each part of one window of the codebook. A distance that is NaN is never less. */
const searchKernel = (metric: CodeMetric): Kernel => ({
  label: labelOf("nearest code", metric === "product" && metric),
  source: `
struct Params {
  c4: u32, pixels: u32, first: u32, end: u32, xOrigin: u32,
  firstCode: u32, codes: u32, firstPart: u32, codesPerPart: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> rows: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> distances: array<f32>; // [part][pixel]
@group(0) @binding(4) var<storage, read_write> candidates: array<u32>;

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + (wg.x * ${LANES}u + l.x) * ${PIXELS}u;
  if (pixel >= p.end) { return; }
  let start = wg.y * p.codesPerPart;
  let to = min(start + p.codesPerPart, p.codes);
  ${
    unroll(PIXELS, (i) =>
      `let x${i} = min(pixel + ${i}u, p.end - 1u) * p.c4 - p.xOrigin;
  var best${i} = ${LARGEST};
  var code${i} = start;
  `)
  }
  for (var code = start; code < to; code += ${CODES}u) {
    ${unroll(CODES, (j) => `let row${j} = min(code + ${j}u, to - 1u) * p.c4;\n    `)}
    ${unroll(PIXELS, (i) => unroll(CODES, (j) => `var d${i}_${j} = 0.0;\n    `))}
    for (var k = 0u; k < p.c4; k++) {
      ${unroll(CODES, (j) => `let e${j} = rows[row${j} + k];\n      `)}
      ${
    unroll(PIXELS, (i) =>
      `{ let v = x[x${i} + k];
      ${unroll(CODES, (j) => `${addTerm(`d${i}_${j}`, `e${j}`, metric)}\n      `)} }
      `)
  }
    }
    ${
    unroll(PIXELS, (i) =>
      unroll(CODES, (j) =>
        `if (d${i}_${j} < best${i}) { best${i} = d${i}_${j}; code${i} = min(code + ${j}u, to - 1u); }\n    `))
  }
  }
  let target0 = (p.firstPart + wg.y) * p.pixels + pixel;
  ${
    unroll(PIXELS, (i) =>
      `if (pixel + ${i}u < p.end) {
    distances[target0 + ${i}u] = best${i};
    candidates[target0 + ${i}u] = p.firstCode + code${i};
  }
  `)
  }
}`,
});

const SEARCH = { distance: searchKernel("distance"), product: searchKernel("product") };

/** The nearest code of all parts; on a tie the earlier part wins, as it has the lower index. Pixels of NaN have none. */
const CHOOSE: Kernel = {
  label: "nearest code: choose",
  source: `
struct Params { parts: u32, pixels: u32, rowLength: u32, none: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> distances: array<f32>;
@group(0) @binding(2) var<storage, read> candidates: array<u32>;
@group(0) @binding(3) var<storage, read_write> indices: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let pixel = id.y * p.rowLength + id.x;
  if (id.x >= p.rowLength || pixel >= p.pixels) { return; }
  var best = distances[pixel];
  var code = candidates[pixel];
  for (var part = 1u; part < p.parts; part++) {
    let at = part * p.pixels + pixel;
    if (distances[at] < best) { best = distances[at]; code = candidates[at]; }
  }
  indices[pixel] = select(p.none, code, abs(best) < ${LARGEST});
}`,
};

/** Records a codebook search. */
export function recordNearestCode(r: Recorder, op: NearestCode): void {
  const x = r.featureMap(op.x);
  const indices = r.createArray(op);
  const { codes } = op.codebook;
  const pixels = x.n * x.h * x.w;
  const wanted = Math.ceil(r.tuning.minInvocations * PIXELS / pixels);
  const mostCodes = Math.max(1, Math.floor(MAX_ITERATIONS / (x.c4 + 1))) * CODES;
  const codesPerPart = Math.min(mostCodes, Math.ceil(codes / Math.min(wanted, Math.ceil(codes / 64))));
  const windows = r.parameter(op.codebook).windows.map(({ first, end, rows }) => {
    return { rows, firstCode: first, codes: end - first, parts: Math.ceil((end - first) / codesPerPart) };
  });
  const parts = windows.reduce((sum, window) => sum + window.parts, 0);
  const distances = r.allocate(parts * pixels * 4);
  const candidates = r.allocate(parts * pixels * 4);
  for (const [first, end] of r.pixelBands([x], LANES * PIXELS)) {
    const { binding, origin } = r.window(x, first, end);
    const band = { c4: x.c4, pixels, first, end, xOrigin: origin };
    let firstPart = 0;
    for (const { rows, firstCode, codes, parts } of windows) {
      r.dispatch(SEARCH[op.metric], {
        params: { ...band, firstCode, codes, firstPart, codesPerPart },
        buffers: { x: binding, rows, distances, candidates },
        grid: [Math.ceil((end - first) / (LANES * PIXELS)), parts, 1],
      });
      firstPart += parts;
    }
  }
  const rowLength = Math.min(pixels, ROW);
  r.dispatch(CHOOSE, {
    params: { parts, pixels, rowLength, none: op.none },
    buffers: { distances, candidates, indices },
    grid: [Math.ceil(rowLength / 64), Math.ceil(pixels / rowLength), 1],
  });
}

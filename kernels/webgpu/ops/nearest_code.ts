/**
 * Vector quantization: the nearest code of each pixel, and the second nearest if wanted. Distances, or negated inner
 * products, are compared as they are computed, without a matrix of pixels × codes. Also the margin between the two.
 *
 * @module
 */

import type { CodeMargin, CodeMetric, NearestCode } from "../../graph/graph.ts";
import { type Kernel, labelOf } from "../shader/pipeline.ts";
import type { Recorder } from "../record/recorder.ts";
import { MAX_ITERATIONS, unroll } from "../shader/wgsl.ts";
import { PIXEL_LANES } from "./per_pixel.ts";

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

/** Compares a pixel's distance to one code with the least so far. The last codes are compared more than once. */
function compare(i: number, j: number): string {
  return `if (d${i}_${j} < best${i}) { best${i} = d${i}_${j}; code${i} = min(code + ${j}u, to - 1u); }\n    `;
}

/** The same with the two least, for which no code may be compared twice. */
function compareBoth(i: number, j: number): string {
  const [distance, code] = [`d${i}_${j}`, `code + ${j}u`];
  return `if (${code} < to) {
      if (${distance} < best${i}) {
        second${i} = best${i}; secondCode${i} = code${i}; best${i} = ${distance}; code${i} = ${code};
      } else if (${distance} < second${i}) { second${i} = ${distance}; secondCode${i} = ${code}; }
    }
    `;
}

/**
 * The nearest code of each pixel in each part of one window of the codebook, and behind those of all parts the second
 * nearest. A distance that is NaN is never less.
 */
const searchKernel = (metric: CodeMetric, second: boolean): Kernel => ({
  label: labelOf("nearest code", metric === "product" && metric, second && "two"),
  source: `
struct Params {
  c4: u32, pixels: u32, first: u32, end: u32, xOrigin: u32,
  firstCode: u32, codes: u32, firstPart: u32, codesPerPart: u32,${second ? "\n  parts: u32," : ""}
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
  ${
        second
          ? `var second${i} = ${LARGEST};
  var secondCode${i} = start;
  `
          : ""
      }`)
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
    ${unroll(PIXELS, (i) => unroll(CODES, (j) => second ? compareBoth(i, j) : compare(i, j)))}
  }
  let target0 = (p.firstPart + wg.y) * p.pixels + pixel;
  ${
    unroll(PIXELS, (i) =>
      `if (pixel + ${i}u < p.end) {
    distances[target0 + ${i}u] = best${i};
    candidates[target0 + ${i}u] = p.firstCode + code${i};${
        second
          ? `
    distances[p.parts * p.pixels + target0 + ${i}u] = second${i};
    candidates[p.parts * p.pixels + target0 + ${i}u] = p.firstCode + secondCode${i};`
          : ""
      }
  }
  `)
  }
}`,
});

const SEARCH = { distance: searchKernel("distance", false), product: searchKernel("product", false) };
const SEARCH_TWO = { distance: searchKernel("distance", true), product: searchKernel("product", true) };

/** A kernel whose `statements` choose among the candidates of a pixel. */
function chooseKernel(label: string, statements: string): Kernel {
  return {
    label,
    source: `
struct Params { parts: u32, pixels: u32, rowLength: u32, none: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> distances: array<f32>;
@group(0) @binding(2) var<storage, read> candidates: array<u32>;
@group(0) @binding(3) var<storage, read_write> indices: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let pixel = id.y * p.rowLength + id.x;
  if (id.x >= p.rowLength || pixel >= p.pixels) { return; }${statements}}`,
  };
}

/** The nearest code of all parts; on a tie the earlier part wins, as it has the lower index. Pixels of NaN have none. */
const CHOOSE = chooseKernel(
  "nearest code: choose",
  `
  var best = distances[pixel];
  var code = candidates[pixel];
  for (var part = 1u; part < p.parts; part++) {
    let at = part * p.pixels + pixel;
    if (distances[at] < best) { best = distances[at]; code = candidates[at]; }
  }
  indices[pixel] = select(p.none, code, abs(best) < ${LARGEST});
`,
);

/**
 * The two nearest codes of all parts. On a tie the earlier part wins, and of one part the nearest, as these have the
 * lower index.
 */
const CHOOSE_TWO = chooseKernel(
  "nearest code: choose two",
  `
  var best = ${LARGEST};
  var code = p.none;
  var second = ${LARGEST};
  var secondCode = 0xffffffffu;
  for (var i = 0u; i < 2u * p.parts; i++) {
    let at = ((i & 1u) * p.parts + (i >> 1u)) * p.pixels + pixel;
    let distance = distances[at];
    if (distance < best) {
      second = best; secondCode = code; best = distance; code = candidates[at];
    } else if (distance < second) { second = distance; secondCode = candidates[at]; }
  }
  indices[pixel] = select(p.none, code, abs(best) < ${LARGEST});
  indices[p.pixels + pixel] = select(0xffffffffu, secondCode, abs(second) < ${LARGEST});
`,
);

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
  const allParts = windows.reduce((sum, window) => sum + window.parts, 0);
  const candidatesBytes = (op.second ? 2 : 1) * allParts * pixels * 4;
  const distances = r.allocate(candidatesBytes);
  const candidates = r.allocate(candidatesBytes);
  const search = (op.second ? SEARCH_TWO : SEARCH)[op.metric];
  for (const [first, end] of r.pixelBands([x], LANES * PIXELS)) {
    const { binding, origin } = r.window(x, first, end);
    const band = { c4: x.c4, pixels, first, end, xOrigin: origin };
    let firstPart = 0;
    for (const { rows, firstCode, codes, parts } of windows) {
      r.dispatch(search, {
        params: { ...band, firstCode, codes, firstPart, codesPerPart, ...op.second && { parts: allParts } },
        buffers: { x: binding, rows, distances, candidates },
        grid: [Math.ceil((end - first) / (LANES * PIXELS)), parts, 1],
      });
      firstPart += parts;
    }
  }
  const rowLength = Math.min(pixels, ROW);
  r.dispatch(op.second ? CHOOSE_TWO : CHOOSE, {
    params: { parts: allParts, pixels, rowLength, none: op.none },
    buffers: { distances, candidates, indices },
    grid: [Math.ceil(rowLength / 64), Math.ceil(pixels / rowLength), 1],
  });
}

/**
 * The margin between the two nearest codes of each pixel: the distance to the plane on which they are equally near. It is
 * orthogonal to the difference of the codes, and passes through their midpoint, or, for inner products, the origin.
 */
const CODE_MARGIN: Kernel = {
  label: "code margin",
  source: `
struct Params {
  c4: u32, first: u32, end: u32, pixels: u32, xOrigin: u32, nearestOrigin: u32, secondOrigin: u32,
  half: f32, infinity: f32, // WGSL has no constant for infinity
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> indices: array<i32>;
@group(0) @binding(3) var<storage, read> nearest: array<vec4f>;
@group(0) @binding(4) var<storage, read> second: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>; // margins, then squared lengths

@compute @workgroup_size(${PIXEL_LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let pixel = p.first + id.x;
  if (pixel >= p.end) { return; }
  var along = 0.0;
  var apart = 0.0;
  var squares = 0.0;
  for (var c = 0u; c < p.c4; c++) {
    let z = x[pixel * p.c4 + c - p.xOrigin];
    let a = nearest[pixel * p.c4 + c - p.nearestOrigin];
    let b = second[(p.pixels + pixel) * p.c4 + c - p.secondOrigin];
    let difference = a - b;
    along += dot(difference, z - p.half * (a + b));
    apart += dot(difference, difference);
    squares += dot(z, z);
  }
  var margin = 0.0;
  if (apart > 0.0) { margin = max(along, 0.0) / sqrt(apart); }
  if (indices[p.pixels + pixel] < 0) { margin = p.infinity; }
  y[pixel] = margin;
  y[p.pixels + pixel] = squares;
}`,
};

/** Records the margins between the two nearest codes. */
export function recordCodeMargin(r: Recorder, op: CodeMargin): void {
  const [x, codes] = [r.featureMap(op.x), r.featureMap(op.codes)];
  const indices = r.array(op.indices);
  const y = r.createArray(op);
  const pixels = x.n * x.h * x.w;
  for (const [first, end] of r.pixelBands([x], PIXEL_LANES)) {
    const [vectors, nearest] = [r.window(x, first, end), r.window(codes, first, end)];
    const second = r.window(codes, pixels + first, pixels + end);
    r.dispatch(CODE_MARGIN, {
      params: {
        c4: x.c4,
        first,
        end,
        pixels,
        xOrigin: vectors.origin,
        nearestOrigin: nearest.origin,
        secondOrigin: second.origin,
        half: op.metric === "product" ? 0 : 0.5,
        infinity: Infinity,
      },
      buffers: { x: vectors.binding, indices, nearest: nearest.binding, second: second.binding, y },
      grid: [Math.ceil((end - first) / PIXEL_LANES), 1, 1],
    });
  }
}

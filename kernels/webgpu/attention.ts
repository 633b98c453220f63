/**
 * Self-attention over all pixels, one head.
 *
 * Scores are computed for a block of queries at a time, so that no N×N matrix is ever held.
 *
 * @module
 */

import type { Attention } from "../graph.ts";
import { VEC4_BYTES } from "./element.ts";
import { type Matrices, recordMatmul } from "./matmul.ts";
import { bands, type FeatureMap, type Recorder, VEC4 } from "./recorder.ts";
import { REDUCE } from "./wgsl.ts";

/** Each workgroup normalizes one row of scores in place; padding columns become zero. */
const SOFTMAX = `
struct Params { columns: u32, n4: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> scores: array<f32>;
${REDUCE}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let row = wg.x * p.n4 * 4u;
  var most = -3.0e38;
  for (var i = l.x; i < p.columns; i += LANES) { most = max(most, scores[row + i]); }
  let peak = reduceMax(most, l.x);
  var sum = 0.0;
  for (var i = l.x; i < p.n4 * 4u; i += LANES) {
    var e = 0.0;
    if (i < p.columns) { e = exp(scores[row + i] - peak); }
    scores[row + i] = e;
    sum += e;
  }
  let total = reduceSum(sum, l.x);
  for (var i = l.x; i < p.columns; i += LANES) { scores[row + i] /= total; }
}`;

/** Records an attention. */
export function recordAttention(r: Recorder, op: Attention): void {
  const [q, k, v] = [op.q, op.k, op.v].map((node) => r.featureMap(node));
  const y = r.createFeatureMap(op);
  const pixels = q.h * q.w;
  const columns4 = Math.ceil(pixels / 4);
  const block = Math.max(1, Math.min(pixels, Math.floor(r.tuning.scratchBytes / (columns4 * VEC4))));
  const softmax = { label: "softmax", source: SOFTMAX, constants: { LANES: r.tuning.reduceLanes } };
  for (let image = 0; image < q.n; image++) {
    for (const [from, to] of bands(pixels, block)) {
      const rows = to - from;
      const scores = { memory: r.allocate(rows * columns4 * VEC4), count: 1, rows, columns4 };
      recordMatmul(r, pixelRows(q, image, from, to), pixelRows(k, image, 0, pixels), scores, {
        scale: 1 / Math.sqrt(q.c),
        transposed: true,
      });
      r.dispatch(softmax, {
        params: { columns: pixels, n4: columns4 },
        buffers: { scores: scores.memory },
        grid: [rows, 1, 1],
      });
      recordMatmul(r, scores, pixelRows(v, image, 0, pixels), pixelRows(y, image, from, to));
    }
  }
}

/** The pixels `[from, to)` of one image as the rows of a matrix. */
function pixelRows({ memory, offset, h, w, c4 }: FeatureMap, image: number, from: number, to: number): Matrices {
  return {
    memory,
    count: 1,
    rows: to - from,
    columns4: c4,
    start: offset / VEC4_BYTES[memory.element] + (image * h * w + from) * c4,
  };
}

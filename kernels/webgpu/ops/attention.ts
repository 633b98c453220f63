/**
 * Attention with one head of all pixels to all pixels of another map, by online softmax (Milakov and Gimelshein, 2018).
 *
 * Scores are computed for a block of queries and a block of keys at a time, so that no N×N matrix is stored. After each
 * block of keys, the result so far is rescaled to the new sum of exponentials, and the block's contribution added.
 *
 * @module
 */

import type { Attention } from "../../graph/graph.ts";
import { VEC4_BYTES } from "../shader/element.ts";
import { type Matrices, recordMatmul } from "./matmul.ts";
import { PER_PIXEL, PIXEL_LANES } from "./per_pixel.ts";
import type { Kernel } from "../shader/pipeline.ts";
import { bands, type FeatureMap, type Memory, VEC4, WORD } from "../record/feature_map.ts";
import type { Recorder } from "../record/recorder.ts";
import { REDUCE } from "../shader/wgsl.ts";

/**
 * Each workgroup normalizes one row of scores to weights in place, with zeros in padding columns. For each row, `running`
 * has the maximum so far and the sum of exponentials relative to it, and `kept` the share of earlier blocks in that sum.
 */
const SOFTMAX = `
struct Params { columns: u32, n4: u32, isFirst: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> scores: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> running: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> kept: array<f32>;
${REDUCE}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let row = wg.x * p.n4;
  var before = vec2f(-3.0e38, 0.0);
  if (p.isFirst == 0u) { before = running[wg.x]; }
  var most = vec4f(before.x);
  for (var i = l.x; i < p.n4; i += LANES) { most = max(most, scores[row + i]); } // padding repeats the last score
  let peak = reduceMax(max(max(most.x, most.y), max(most.z, most.w)), l.x);
  var sums = vec4f();
  for (var i = l.x; i < p.n4; i += LANES) {
    let inside = 4u * i + vec4u(0u, 1u, 2u, 3u) < vec4u(p.columns);
    let e = select(vec4f(), exp(scores[row + i] - peak), inside);
    scores[row + i] = e;
    sums += e;
  }
  let older = before.y * exp(before.x - peak);
  let total = older + reduceSum(dot(sums, vec4f(1.0)), l.x);
  for (var i = l.x; i < p.n4; i += LANES) { scores[row + i] /= total; }
  if (l.x == 0u) {
    running[wg.x] = vec2f(peak, total);
    kept[wg.x] = older / total;
  }
}`;

/** Rescales the result of earlier blocks of keys and adds that of the next one. */
const MERGE: Kernel = {
  label: "merge attention",
  source: `
struct Params { c4: u32, first: u32, end: u32, yOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> older: array<vec4f>;
@group(0) @binding(2) var<storage, read> kept: array<f32>;
@group(0) @binding(3) var<storage, read> added: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<Y>>;
fn visit(pixel: u32, at: u32, c: u32) { y[at - p.yOrigin] = stored(kept[pixel] * older[at] + added[at]); }
${PER_PIXEL}`,
};

/** A block of keys with their values. */
interface Block {
  readonly k: FeatureMap;
  readonly v: FeatureMap;
}

/** Records an attention. */
export function recordAttention(r: Recorder, op: Attention): void {
  const [q, k, v] = [op.q, op.k, op.v].map((node) => r.featureMap(node));
  const y = r.createFeatureMap(op);
  const [pixels, keyPixels] = [q.h * q.w, k.h * k.w];
  const { queries, keys } = blockSize(pixels, keyPixels, r.tuning.scratchBytes);
  for (let image = 0; image < q.n; image++) {
    const view = (map: FeatureMap, from: number, to: number) => {
      return pixelsOf(map, image * map.h * map.w + from, to - from);
    };
    const blocks = bands(keyPixels, keys).map(([from, to]) => ({ k: view(k, from, to), v: view(v, from, to) }));
    for (const [from, to] of bands(pixels, queries)) attend(r, view(q, from, to), blocks, view(y, from, to));
  }
}

/** Records the attention of a block of queries to all blocks of keys. */
function attend(r: Recorder, q: FeatureMap, blocks: readonly Block[], y: FeatureMap): void {
  const rows = q.w;
  const [running, kept] = [r.allocate(2 * rows * WORD), r.allocate(rows * WORD)];
  const scratch = () => ({ ...y, memory: r.allocate(rows * y.c4 * VEC4), offset: 0 });
  let older: FeatureMap | undefined;
  blocks.forEach(({ k, v }, i) => {
    const columns4 = Math.ceil(k.w / 4);
    const scores = { memory: r.allocate(rows * columns4 * VEC4), count: 1, rows, columns4 };
    recordMatmul(r, matrixOf(q), matrixOf(k), scores, { scale: 1 / Math.sqrt(q.c), transposed: true });
    r.dispatch({ label: "softmax", source: SOFTMAX, constants: { LANES: r.tuning.reduceLanes } }, {
      params: { columns: k.w, n4: columns4, isFirst: older ? 0 : 1 },
      buffers: { scores: scores.memory, running, kept },
      grid: [rows, 1, 1],
    });
    const result = i === blocks.length - 1 ? y : scratch();
    const added = older ? scratch() : result;
    recordMatmul(r, scores, matrixOf(v), matrixOf(added));
    if (older) merge(r, older, kept, added, result);
    older = result;
  });
}

function merge(r: Recorder, older: FeatureMap, kept: Memory, added: FeatureMap, y: FeatureMap): void {
  const { binding, origin } = r.window(y, 0, y.w);
  r.dispatch(MERGE, {
    params: { c4: y.c4, first: 0, end: y.w, yOrigin: origin },
    buffers: { older: older.memory, kept, added: added.memory, y: binding },
    grid: [Math.ceil(y.w / PIXEL_LANES), y.c4, 1],
  });
}

/** Sizes of blocks of queries and keys whose scores take at most `bytes` bytes; nearly square if they cannot be whole. */
function blockSize(pixels: number, keyPixels: number, bytes: number): { queries: number; keys: number } {
  const keys = Math.min(keyPixels, Math.max(1, Math.floor(Math.sqrt(bytes / WORD))));
  return { keys, queries: Math.min(pixels, Math.max(1, Math.floor(bytes / (Math.ceil(keys / 4) * VEC4)))) };
}

/** A range of pixels, numbered through all images, as a feature map of one row. */
function pixelsOf(map: FeatureMap, first: number, count: number): FeatureMap {
  const offset = map.offset + first * map.c4 * VEC4_BYTES[map.memory.element];
  return { ...map, offset, n: 1, h: 1, w: count };
}

/** The pixels of a feature map as the rows of a matrix. */
function matrixOf({ memory, offset, n, h, w, c4 }: FeatureMap): Matrices {
  return { memory, count: 1, rows: n * h * w, columns4: c4, start: offset / VEC4_BYTES[memory.element] };
}

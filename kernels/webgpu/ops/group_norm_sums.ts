/**
 * The statistics of a group norm, in two passes.
 *
 * `sums`: for each channel, sums of x and x² over chunks of pixels, relative to the chunk's first pixel, so that a small
 * variance is not lost beside a large mean, and scaled, so that they stay finite where torch's do. `fold`: one workgroup
 * per image and group combines chunks and channels (Chan's formula) to the coefficients of
 * y = (x - center) * scale + shift, where `center` is the rounded mean and `shift` compensates for the rounding.
 *
 * In bands of rows the passes are ops of their own; a chunk ends where its band ends.
 *
 * @module
 */

import type { NormCoefficients, NormSums } from "../../graph/graph.ts";
import type { NormParameter } from "../../graph/parameters.ts";
import { type Chunks, splitImage } from "../../tiling/chunks.ts";
import type { Shape } from "../../tensor/storage.ts";
import { bands, type FeatureMap, type PlannedMemory, VEC4 } from "../record/feature_map.ts";
import type { Recorder } from "../record/recorder.ts";
import { VEC4_BYTES } from "../shader/element.ts";
import type { Kernel } from "../shader/pipeline.ts";
import { lanesFor, REDUCE } from "../shader/wgsl.ts";

/** Most chunks of an image, as one workgroup folds those of a group; bands, which begin new chunks, add a few. */
const MAX_CHUNKS = 2048;

/** Scale of the sums: the squares of 1e24 are finite, and squares below float32's range are negligible beside epsilon. */
const SCALE = "const SCALE = 2.3283064365386963e-10; // 2^-32";

const SUMS = `
${SCALE}
struct Params { c4: u32, area: u32, chunkPixels: u32, chunks: u32, first: u32, end: u32, firstSum: u32, xOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4f>; // [image and chunk][channel][about, sum, sum of squares]
override LANES_X: u32;
override LANES_Y: u32;

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let c = wg.x * LANES_X + l.x;
  let s = p.first + wg.y * LANES_Y + l.y;
  if (c >= p.c4 || s >= p.end) { return; }
  let image = s / p.chunks;
  let start = (s % p.chunks) * p.chunkPixels;
  let count = min(p.chunkPixels, p.area - start);
  var at = (image * p.area + start) * p.c4 + c - p.xOrigin;
  let about = vec4f(x[at]);
  var sum = vec4f();
  var squares = vec4f();
  for (var i = 0u; i < count; i++) {
    let v = (vec4f(x[at]) - about) * SCALE;
    sum += v;
    squares += v * v;
    at += p.c4;
  }
  let to = ((p.firstSum + s) * p.c4 + c) * 3u;
  sums[to] = about;
  sums[to + 1u] = sum;
  sums[to + 2u] = squares;
}`;

const FOLD = `
${SCALE}
struct Params { channels: u32, c4: u32, area: u32, chunkPixels: u32, chunks: u32, bandPixels: u32, bandChunks: u32, groups: u32, epsilon: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;       // scales of all channels, then offsets
@group(0) @binding(3) var<storage, read_write> table: array<f32>;   // [image][center, scale, shift][channel]
${REDUCE}

struct Part { mean: f32, count: f32, squares: f32 } // of one channel in one chunk, scaled; the mean is relative to \`about\`
fn part(i: u32, image: u32, start: u32, each: u32, about: f32) -> Part {
  let chunk = i / each;
  let at = ((image * p.chunks + chunk) * p.c4 * 3u) * 4u + channelAt(start + i % each);
  let band = chunk / p.bandChunks * p.bandPixels;
  let before = band + chunk % p.bandChunks * p.chunkPixels;
  let count = f32(min(p.chunkPixels, min(band + p.bandPixels, p.area) - before));
  let sum = sums[at + 4u];
  return Part((sums[at] - about) * SCALE + sum / count, count, sums[at + 8u] - sum * sum / count);
}
fn channelAt(channel: u32) -> u32 { return (channel / 4u) * 12u + channel % 4u; }

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let image = wg.y;
  let each = p.channels / p.groups;
  let start = wg.x * each;
  let parts = p.chunks * each;
  let elements = f32(p.area) * f32(each);
  let about = sums[(image * p.chunks * p.c4 * 3u) * 4u + channelAt(start)];

  var sum = 0.0;
  for (var i = l.x; i < parts; i += LANES) {
    let one = part(i, image, start, each, about);
    sum += one.mean * one.count;
  }
  let mean = reduceSum(sum, l.x) / elements; // scaled, and relative to about
  var squares = 0.0;
  for (var i = l.x; i < parts; i += LANES) {
    let one = part(i, image, start, each, about);
    squares += one.squares + one.count * (one.mean - mean) * (one.mean - mean);
  }
  let variance = reduceSum(squares, l.x) / elements;

  // Dropping bits keeps compilers from simplifying the difference below to zero.
  let center = bitcast<f32>(bitcast<u32>(about + mean / SCALE) & 0xfffffff0u);
  let rest = mean / SCALE - (center - about);
  let scale = SCALE / sqrt(variance + p.epsilon * SCALE * SCALE);
  let row = image * 3u * p.c4 * 4u;
  for (var i = l.x; i < each; i += LANES) {
    let channel = start + i;
    let gain = scale * weights[channel];
    table[row + channel] = center;
    table[row + p.c4 * 4u + channel] = gain;
    table[row + p.c4 * 8u + channel] = weights[p.c4 * 4u + channel] - rest * gain;
  }
  let padding = p.channels + l.x; // padding channels become zero
  if (wg.x == 0u && padding < p.c4 * 4u) {
    table[row + padding] = 0.0;
    table[row + p.c4 * 4u + padding] = 0.0;
    table[row + p.c4 * 8u + padding] = 0.0;
  }
}`;

/** Records the sums of one band, or of a whole feature map. */
export function recordNormSums(r: Recorder, op: NormSums): void {
  const { of, height, image, first } = op.band;
  const map = mapSize(of);
  const split = splitIntoChunks(r, map, height);
  const sums = op.into ? r.array(op.into) : allocateSums(r, map, split);
  recordSums(r, r.featureMap(op.x), sums, split, image * split.chunks + Math.floor(first / height) * split.bandChunks);
  r.alias(op, sums);
}

/** Records the coefficients from the sums of all bands. */
export function recordNormCoefficients(r: Recorder, op: NormCoefficients): void {
  const { band, groups } = op.sums;
  const map = mapSize(band.of);
  const split = splitIntoChunks(r, map, band.height);
  r.alias(op, recordFold(r, map, r.array(op.sums), split, { ...op, groups }));
}

/** The size of a feature map, without its memory. */
type Size = Pick<FeatureMap, "n" | "h" | "w" | "c" | "c4">;

function mapSize([n, c, h, w]: Shape): Size {
  return { n, h, w, c, c4: Math.ceil(c / 4) };
}

/** Splits an image into chunks: short ones, for accuracy and many invocations, unless that would be too many. */
export function splitIntoChunks(r: Recorder, { h, w }: Size, bandHeight: number): Chunks {
  return splitImage(h, w, bandHeight, Math.max(r.tuning.chunkPixels, Math.ceil(h * w / MAX_CHUNKS)));
}

export function allocateSums(r: Recorder, { n, c4 }: Size, { chunks }: Chunks): PlannedMemory {
  return r.allocate(n * chunks * c4 * 3 * VEC4);
}

/** Records the sums of the chunks of `x`, of which `firstSum` is the index of the first. */
export function recordSums(
  r: Recorder,
  x: FeatureMap,
  sums: PlannedMemory,
  { chunkPixels }: Chunks,
  firstSum = 0,
): void {
  const [lanesX, lanesY] = r.tuning.lanes;
  const area = x.h * x.w;
  const perImage = Math.ceil(area / chunkPixels);
  const kernel: Kernel = {
    label: "group norm: sums",
    source: SUMS,
    constants: { LANES_X: lanesX, LANES_Y: lanesY },
  };
  const pixelAt = (s: number) => Math.floor(s / perImage) * area + Math.min(area, (s % perImage) * chunkPixels);
  for (
    const [first, end] of bands(x.n * perImage, r.rowsPerBinding(chunkPixels * x.c4 * VEC4_BYTES[x.memory.element]))
  ) {
    const window = r.window(x, pixelAt(first), pixelAt(end));
    r.dispatch(kernel, {
      params: { c4: x.c4, area, chunkPixels, chunks: perImage, first, end, firstSum, xOrigin: window.origin },
      buffers: { x: window.binding, sums },
      grid: [Math.ceil(x.c4 / lanesX), Math.ceil((end - first) / lanesY), 1],
    });
  }
}

/** Records the coefficients of each channel from the sums of all chunks. */
export function recordFold(
  r: Recorder,
  { n, h, w, c, c4 }: Size,
  sums: PlannedMemory,
  split: Chunks,
  { weights, groups, epsilon }: { weights: NormParameter; groups: number; epsilon: number },
): PlannedMemory {
  const table = r.allocate(n * 3 * c4 * VEC4);
  const each = c / groups;
  const lanes = lanesFor((2 * split.chunks + 1) * each, r.tuning.reduceLanes);
  r.dispatch({ label: "group norm: fold", source: FOLD, constants: { LANES: lanes } }, {
    params: { channels: c, c4, area: h * w, ...split, groups, epsilon },
    buffers: { sums, weights: r.parameter(weights).buffer, table },
    grid: [groups, n, 1],
  });
  return table;
}

/**
 * Group normalization and spatial normalization, with the activation that follows.
 *
 * Three passes. `sums`: over strips of pixels, for each channel, sums of x and x² about the strip's first pixel, so that a
 * large mean does not swallow a small variance. `fold`: one workgroup per image and group joins strips and channels
 * (Chan's formula) into what `apply` needs: y = (x - center) * scale + shift, where `center` is the mean rounded and
 * `shift` carries the rest of it.
 *
 * @module
 */

import type { GroupNorm } from "../graph.ts";
import type { Kernel } from "./pipeline.ts";
import { type Activation, bands, type PlannedMemory, type Recorder, VEC4 } from "./recorder.ts";
import { activationFunction, REDUCE } from "./wgsl.ts";

const SUMS = `
struct Params { c4: u32, area: u32, strip: u32, strips: u32, first: u32, end: u32, xOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4f>; // [image and strip][channel][about, sum, sum of squares]
override LANES_X: u32;
override LANES_Y: u32;

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let c = wg.x * LANES_X + l.x;
  let s = p.first + wg.y * LANES_Y + l.y;
  if (c >= p.c4 || s >= p.end) { return; }
  let image = s / p.strips;
  let start = (s % p.strips) * p.strip;
  let count = min(p.strip, p.area - start);
  var at = (image * p.area + start) * p.c4 + c - p.xOrigin;
  let about = x[at];
  var sum = vec4f();
  var squares = vec4f();
  for (var i = 0u; i < count; i++) {
    let v = x[at] - about;
    sum += v;
    squares += v * v;
    at += p.c4;
  }
  let to = (s * p.c4 + c) * 3u;
  sums[to] = about;
  sums[to + 1u] = sum;
  sums[to + 2u] = squares;
}`;

const FOLD = `
struct Params { channels: u32, c4: u32, area: u32, strip: u32, strips: u32, groups: u32, epsilon: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;       // scales of all channels, then offsets
@group(0) @binding(3) var<storage, read_write> table: array<f32>;   // [image][center, scale, shift][channel]
${REDUCE}

struct Part { mean: f32, count: f32, squares: f32 } // of one channel in one strip; the mean is relative to \`about\`
fn part(i: u32, image: u32, start: u32, each: u32, about: f32) -> Part {
  let strip = i / each;
  let at = ((image * p.strips + strip) * p.c4 * 3u) * 4u + channelAt(start + i % each);
  let count = f32(min(p.strip, p.area - strip * p.strip));
  let sum = sums[at + 4u];
  return Part((sums[at] - about) + sum / count, count, sums[at + 8u] - sum * sum / count);
}
fn channelAt(channel: u32) -> u32 { return (channel / 4u) * 12u + channel % 4u; }

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let image = wg.y;
  let each = p.channels / p.groups;
  let start = wg.x * each;
  let parts = p.strips * each;
  let elements = f32(p.area) * f32(each);
  let about = sums[(image * p.strips * p.c4 * 3u) * 4u + channelAt(start)];

  var sum = 0.0;
  for (var i = l.x; i < parts; i += LANES) {
    let one = part(i, image, start, each, about);
    sum += one.mean * one.count;
  }
  let mean = reduceSum(sum, l.x) / elements; // relative to about
  var squares = 0.0;
  for (var i = l.x; i < parts; i += LANES) {
    let one = part(i, image, start, each, about);
    squares += one.squares + one.count * (one.mean - mean) * (one.mean - mean);
  }
  let variance = reduceSum(squares, l.x) / elements;

  // Dropping bits keeps compilers from simplifying the difference below to nothing.
  let center = bitcast<f32>(bitcast<u32>(about + mean) & 0xfffffff0u);
  let rest = mean - (center - about);
  let scale = 1.0 / sqrt(variance + p.epsilon);
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

const applySource = (op: GroupNorm) => {
  const { modulation, activation } = op;
  return `
struct Params { image: u32, c4: u32, h: u32, w: u32, mapH: u32, mapW: u32, strip: u32, first: u32, end: u32, xOrigin: u32, yOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> table: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
${
    modulation
      ? `@group(0) @binding(4) var<storage, read> scaleMap: array<vec4f>;
@group(0) @binding(5) var<storage, read> shiftMap: array<vec4f>;`
      : ""
  }
override LANES_X: u32;
override LANES_Y: u32;
${activationFunction(activation)}

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let c = wg.x * LANES_X + l.x;
  let start = p.first + (wg.y * LANES_Y + l.y) * p.strip;
  if (c >= p.c4) { return; }
  let row = p.image * 3u * p.c4 + c;
  let center = table[row];
  let scale = table[row + p.c4];
  let shift = table[row + 2u * p.c4];
  let end = min(start + p.strip, p.end);
  for (var pixel = start; pixel < end; pixel++) {
    var v = (x[pixel * p.c4 + c - p.xOrigin] - center) * scale + shift;
    ${
    modulation
      ? `let at = pixel % (p.h * p.w);
    let source = (p.image * p.mapH + (at / p.w) * p.mapH / p.h) * p.mapW + (at % p.w) * p.mapW / p.w;
    v = v * scaleMap[source * p.c4 + c] + shiftMap[source * p.c4 + c];`
      : ""
  }
    y[pixel * p.c4 + c - p.yOrigin] = activate(v);
  }
}`;
};

/** Records a group norm, or a spatial norm where there is a modulation. */
export function recordGroupNorm(r: Recorder, op: GroupNorm): void {
  const x = r.activation(op.x);
  const sums = recordSums(r, x);
  const table = r.allocate(x.n * 3 * x.c4 * VEC4);
  r.dispatch({ label: "group norm: fold", source: FOLD, constants: { LANES: r.tuning.reduceLanes } }, {
    params: {
      channels: x.c,
      c4: x.c4,
      area: x.h * x.w,
      ...strips(r, x),
      groups: op.groups,
      epsilon: op.epsilon,
    },
    buffers: { sums, weights: r.parameter(op.weights).buffer, table },
    grid: [op.groups, x.n, 1],
  });
  recordApply(r, op, x, table);
}

/** Strips are short, for exact sums and many invocations, but no more of an image than one workgroup can fold. */
function strips(r: Recorder, { h, w }: Activation) {
  const strip = Math.max(r.tuning.strip, Math.ceil(h * w / 2048));
  return { strip, strips: Math.ceil(h * w / strip) };
}

function recordSums(r: Recorder, x: Activation): PlannedMemory {
  const [lanesX, lanesY] = r.tuning.lanes;
  const { strip, strips: perImage } = strips(r, x);
  const area = x.h * x.w;
  const sums = r.allocate(x.n * perImage * x.c4 * 3 * VEC4);
  const kernel: Kernel = {
    label: "group norm: sums",
    source: SUMS,
    constants: { LANES_X: lanesX, LANES_Y: lanesY },
  };
  const pixelAt = (s: number) => Math.floor(s / perImage) * area + Math.min(area, (s % perImage) * strip);
  for (const [first, end] of bands(x.n * perImage, r.rowsPerBinding(strip * x.c4 * VEC4))) {
    const window = r.window(x, pixelAt(first), pixelAt(end));
    r.dispatch(kernel, {
      params: { c4: x.c4, area, strip, strips: perImage, first, end, xOrigin: window.origin },
      buffers: { x: window.binding, sums },
      grid: [Math.ceil(x.c4 / lanesX), Math.ceil((end - first) / lanesY), 1],
    });
  }
  return sums;
}

function recordApply(r: Recorder, op: GroupNorm, x: Activation, table: PlannedMemory): void {
  const [lanesX, lanesY] = r.tuning.lanes;
  const { strip } = r.tuning;
  const y = r.createActivation(op);
  const scaleMap = op.modulation && r.activation(op.modulation.scale);
  const shiftMap = op.modulation && r.activation(op.modulation.shift);
  const kernel: Kernel = {
    label: op.modulation ? "spatial norm: apply" : "group norm: apply",
    source: applySource(op),
    constants: { LANES_X: lanesX, LANES_Y: lanesY },
  };
  const area = x.h * x.w;
  const [mapH, mapW] = scaleMap ? [scaleMap.h, scaleMap.w] : [1, 1];
  for (let image = 0; image < x.n; image++) {
    for (const [from, to] of r.pixelBands([{ ...x, n: 1 }], strip * lanesY)) {
      const [first, end] = [image * area + from, image * area + to];
      const [source, target] = [r.window(x, first, end), r.window(y, first, end)];
      r.dispatch(kernel, {
        params: {
          image,
          c4: x.c4,
          h: x.h,
          w: x.w,
          mapH,
          mapW,
          strip,
          first,
          end,
          xOrigin: source.origin,
          yOrigin: target.origin,
        },
        buffers: {
          x: source.binding,
          table,
          y: target.binding,
          ...(scaleMap && shiftMap ? { scaleMap: scaleMap.memory, shiftMap: shiftMap.memory } : {}),
        },
        grid: [Math.ceil(x.c4 / lanesX), Math.ceil((end - first) / (strip * lanesY)), 1],
      });
    }
  }
}

/**
 * Between the layout of the API, NCHW, and that of the kernels: NHWC with channels padded to a multiple of four.
 *
 * @module
 */

import type { Kernel } from "./pipeline.ts";
import type { FeatureMap, Memory, Recorder } from "./recorder.ts";

const LANES = 64;

const FROM_NCHW: Kernel = {
  label: "from NCHW",
  source: `
struct Params { area: u32, channels: u32, c4: u32, first: u32, end: u32, yOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + wg.x * ${LANES}u + l.x;
  if (pixel >= p.end) { return; }
  let plane = (pixel / p.area) * p.channels;
  let at = pixel % p.area;
  var v = vec4f();
  for (var i = 0u; i < 4u; i++) {
    let channel = 4u * wg.y + i;
    if (channel < p.channels) { v[i] = x[(plane + channel) * p.area + at]; }
  }
  y[pixel * p.c4 + wg.y - p.yOrigin] = v;
}`,
};

const TO_NCHW: Kernel = {
  label: "to NCHW",
  source: `
struct Params { area: u32, channels: u32, c4: u32, first: u32, end: u32, xOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + wg.x * ${LANES}u + l.x;
  if (pixel >= p.end) { return; }
  let plane = (pixel / p.area) * p.channels;
  let v = x[pixel * p.c4 + wg.y - p.xOrigin];
  for (var i = 0u; i < 4u; i++) {
    let channel = 4u * wg.y + i;
    if (channel < p.channels) { y[(plane + channel) * p.area + pixel % p.area] = v[i]; }
  }
}`,
};

/** Reads an NCHW array into a picture. */
export function recordFromNchw(r: Recorder, array: Memory, picture: FeatureMap): void {
  for (const [first, end] of r.pixelBands([picture], LANES)) {
    const y = r.window(picture, first, end);
    r.dispatch(FROM_NCHW, {
      params: { ...describe(picture), first, end, yOrigin: y.origin },
      buffers: { x: array, y: y.binding },
      grid: [Math.ceil((end - first) / LANES), picture.c4, 1],
    });
  }
}

/** Writes a picture to an NCHW array. */
export function recordToNchw(r: Recorder, picture: FeatureMap, array: Memory): void {
  for (const [first, end] of r.pixelBands([picture], LANES)) {
    const x = r.window(picture, first, end);
    r.dispatch(TO_NCHW, {
      params: { ...describe(picture), first, end, xOrigin: x.origin },
      buffers: { x: x.binding, y: array },
      grid: [Math.ceil((end - first) / LANES), picture.c4, 1],
    });
  }
}

function describe({ h, w, c, c4 }: FeatureMap) {
  return { area: h * w, channels: c, c4 };
}

/**
 * Converts between RGBA pixels, one word each, and floats, with the same results as `tensor/pixels.ts` on the host.
 *
 * @module
 */

import type { PixelRange, Shape } from "../../tensor/storage.ts";
import type { Kernel } from "../shader/pipeline.ts";
import { bands, type FeatureMap, MAX_GRID, type Memory, span, WORD } from "../record/feature_map.ts";
import type { Recorder } from "../record/recorder.ts";

const LANES = 64;

// b / 255 is the binary fraction 0.bbbb… that repeats the byte. Truncated to 24 significant bits and rounded by the bit that
// follows, it is correctly rounded, which a division on a GPU need not be.
const FROM_PIXELS: Kernel = {
  label: "from pixels",
  source: `
struct Params { channels: u32, c4: u32, first: u32, end: u32, xOrigin: u32, yOrigin: u32, factor: f32, offset: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

fn number(byte: u32) -> f32 {
  if (byte == 0u) { return p.offset; }
  let repeated = byte * 0x01010101u;
  let surplus = 8u - countLeadingZeros(repeated);
  let rounded = (repeated >> surplus) + ((repeated >> (surplus - 1u)) & 1u);
  return ldexp(f32(rounded), i32(surplus) - 32) * p.factor + p.offset;
}

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + wg.x * ${LANES}u + l.x;
  if (pixel >= p.end) { return; }
  let word = x[pixel - p.xOrigin];
  var v = vec4f(number(word & 255u), 0.0, 0.0, 0.0);
  if (p.channels == 3u) { v = vec4f(v.x, number((word >> 8u) & 255u), number((word >> 16u) & 255u), 0.0); }
  y[pixel * p.c4 - p.yOrigin] = v;
}`,
};

const TO_PIXELS: Kernel = {
  label: "to pixels",
  source: `
struct Params { count: u32, redOrigin: u32, greenOrigin: u32, blueOrigin: u32, yOrigin: u32, factor: f32, offset: f32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> red: array<f32>;
@group(0) @binding(2) var<storage, read> green: array<f32>;
@group(0) @binding(3) var<storage, read> blue: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

fn byte(value: f32) -> u32 {
  if ((bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u) { return 0u; } // NaN; compilers may assume that there is none
  return u32(round(clamp(value * p.factor + p.offset, 0.0, 1.0) * 255.0));
}

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let i = wg.x * ${LANES}u + l.x;
  if (i >= p.count) { return; }
  let rgb = vec3u(byte(red[i + p.redOrigin]), byte(green[i + p.greenOrigin]), byte(blue[i + p.blueOrigin]));
  y[i + p.yOrigin] = rgb.x | (rgb.y << 8u) | (rgb.z << 16u) | 0xff000000u;
}`,
};

/** Records the conversion of pixels to a feature map. */
export function recordFromPixels(r: Recorder, pixels: Memory, map: FeatureMap, range: PixelRange): void {
  const [factor, offset] = range === "signed" ? [2, -1] : [1, 0];
  for (const [first, end] of r.pixelBands([map], LANES)) {
    const x = span(pixels, first, end);
    const y = r.window(map, first, end);
    r.dispatch(FROM_PIXELS, {
      params: {
        channels: map.c,
        c4: map.c4,
        first,
        end,
        xOrigin: first - x.within,
        yOrigin: y.origin,
        factor,
        offset,
      },
      buffers: { x: x.binding, y: y.binding },
      grid: [Math.ceil((end - first) / LANES), 1, 1],
    });
  }
}

/** Records the conversion of an NCHW array to pixels. */
export function recordToPixels(
  r: Recorder,
  array: Memory,
  [n, c, h, w]: Shape,
  pixels: Memory,
  range: PixelRange,
): void {
  const [factor, offset] = range === "signed" ? [0.5, 0.5] : [1, 0];
  const plane = h * w;
  for (let image = 0; image < n; image++) {
    for (const [first, end] of bands(plane, MAX_GRID * LANES)) {
      const part = (channel: number) => {
        const start = (image * c + channel % c) * plane;
        return span(array, start + first, start + end);
      };
      const [red, green, blue] = [part(0), part(1), part(2)];
      const y = span(pixels, image * plane + first, image * plane + end);
      r.dispatch(TO_PIXELS, {
        params: {
          count: end - first,
          redOrigin: red.within,
          greenOrigin: green.within,
          blueOrigin: blue.within,
          yOrigin: y.within,
          factor,
          offset,
        },
        buffers: { red: red.binding, green: green.binding, blue: blue.binding, y: y.binding },
        grid: [Math.ceil((end - first) / LANES), 1, 1],
      });
    }
  }
}

/** Bytes of the pixels of pictures `[n, c, h, w]`. */
export function pixelBytes([n, , h, w]: Shape): number {
  return n * h * w * WORD;
}

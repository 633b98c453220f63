/**
 * Converts between NCHW, the layout of the API, and NHWC with channels padded to a multiple of four, that of the kernels.
 *
 * An array that does not fit a binding is converted plane by plane, as the channels of a pixel are far apart in it.
 *
 * @module
 */

import type { Kernel } from "../shader/pipeline.ts";
import { type FeatureMap, type Memory, span, WORD } from "../record/feature_map.ts";
import type { Recorder } from "../record/recorder.ts";
import { unroll } from "../shader/wgsl.ts";

const LANES = 64;

/** A kernel that copies channels `[channel, endChannel)` of pixels `[first, end)`, and sets padding channels to zero. */
function conversion(label: string, access: { array: string; map: string }, move: (lane: number) => string): Kernel {
  return {
    label,
    source: `
struct Params { area: u32, channels: u32, c4: u32, channel: u32, endChannel: u32, first: u32, end: u32, arrayOrigin: u32, mapOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, ${access.array}> nchw: array<f32>;
@group(0) @binding(2) var<storage, ${access.map}> map: array<vec4f>;

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + wg.x * ${LANES}u + l.x;
  if (pixel >= p.end) { return; }
  let vector = p.channel / 4u + wg.y;
  let at = pixel * p.c4 + vector - p.mapOrigin;
  let plane = (pixel / p.area) * p.channels + 4u * vector;
  let start = plane * p.area + pixel % p.area - p.arrayOrigin;
  ${unroll(4, (lane) => `{ let channel = 4u * vector + ${lane}u; ${move(lane)} }\n  `)}
}`,
  };
}

const FROM_NCHW = conversion(
  "from NCHW",
  { array: "read", map: "read_write" },
  (lane) =>
    `if (channel >= p.channel && channel < p.endChannel) { map[at][${lane}] = nchw[start + ${lane}u * p.area]; }
  else if (channel >= p.channels) { map[at][${lane}] = 0.0; }`,
);

const TO_NCHW = conversion(
  "to NCHW",
  { array: "read_write", map: "read" },
  (lane) =>
    `if (channel >= p.channel && channel < p.endChannel) { nchw[start + ${lane}u * p.area] = map[at][${lane}]; }`,
);

/** Records the conversion of an NCHW array to a feature map. */
export function recordFromNchw(r: Recorder, array: Memory, map: FeatureMap): void {
  recordConversion(r, FROM_NCHW, array, map);
}

/** Records the conversion of a feature map to an NCHW array. */
export function recordToNchw(r: Recorder, map: FeatureMap, array: Memory): void {
  recordConversion(r, TO_NCHW, array, map);
}

/** The part that one dispatch converts. */
interface Part {
  readonly channels: readonly [first: number, end: number];
  readonly pixels: readonly [first: number, end: number];
  /** The words of the array that are bound. */
  readonly words: readonly [first: number, end: number];
}

function recordConversion(r: Recorder, kernel: Kernel, array: Memory, map: FeatureMap): void {
  const { h, w, c, c4 } = map;
  for (const { channels: [channel, endChannel], pixels: [first, end], words } of partsOf(r, map)) {
    const window = r.window(map, first, end);
    const nchw = span(array, ...words);
    r.dispatch(kernel, {
      params: {
        area: h * w,
        channels: c,
        c4,
        channel,
        endChannel,
        first,
        end,
        arrayOrigin: words[0] - nchw.within,
        mapOrigin: window.origin,
      },
      buffers: { nchw: nchw.binding, map: window.binding },
      grid: [Math.ceil((end - first) / LANES), Math.ceil(endChannel / 4) - Math.floor(channel / 4), 1],
    });
  }
}

/** All channels of bands of pixels, if the array fits a binding; otherwise bands of each plane. */
function partsOf(r: Recorder, map: FeatureMap): Part[] {
  const { n, c, h, w } = map;
  const area = h * w, words = n * c * area;
  if (words * WORD <= r.windowLimit) {
    return r.pixelBands([map], LANES).map((pixels) => ({ channels: [0, c], pixels, words: [0, words] }));
  }
  const bands = r.pixelBands([{ ...map, n: 1 }], LANES);
  return Array.from({ length: n * c }, (_, plane): Part[] => {
    const channel = plane % c, image = (plane - channel) / c;
    return bands.map(([first, end]) => ({
      channels: [channel, channel + 1],
      pixels: [image * area + first, image * area + end],
      words: [plane * area + first, plane * area + end],
    }));
  }).flat();
}

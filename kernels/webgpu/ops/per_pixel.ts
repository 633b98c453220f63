/**
 * Element-wise kernels, which call `visit` for each `vec4f` of a feature map.
 *
 * @module
 */

import type { Binding, FeatureMap } from "../record/feature_map.ts";
import type { Recorder } from "../record/recorder.ts";

/** Pixels of a workgroup. */
export const PIXEL_LANES = 64;

/** Calls `visit` for every `vec4f` of the pixels `[first, end)`: a workgroup for 64 pixels of four channels. */
export const PER_PIXEL = `
@compute @workgroup_size(${PIXEL_LANES})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + wg.x * ${PIXEL_LANES}u + l.x;
  if (pixel < p.end) { visit(pixel, pixel * p.c4 + wg.y, wg.y); }
}`;

/** Records a dispatch for each band of pixels that fits the bindings. */
export function forEachBand(
  r: Recorder,
  y: FeatureMap,
  record: (
    params: Record<string, number>,
    window: (map: FeatureMap) => Binding,
    grid: readonly [number, number, number],
  ) => void,
): void {
  for (const [first, end] of r.pixelBands([y], PIXEL_LANES)) {
    const { origin } = r.window(y, first, end);
    const window = (map: FeatureMap) => r.window(map, first, end).binding;
    record({ c4: y.c4, first, end, origin }, window, [Math.ceil((end - first) / PIXEL_LANES), y.c4, 1]);
  }
}

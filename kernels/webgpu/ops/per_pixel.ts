/**
 * Kernels that do something to each `vec4f` of a feature map.
 *
 * @module
 */

import type { Binding, FeatureMap } from "../record/feature_map.ts";
import type { Recorder } from "../record/recorder.ts";

/** Pixels that a workgroup visits. */
export const PIXEL_LANES = 64;

/** Visits every `vec4f` of the pixels `[first, end)`: one workgroup for 64 pixels and each four channels. */
export const PER_PIXEL = `
@compute @workgroup_size(${PIXEL_LANES})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let pixel = p.first + wg.x * ${PIXEL_LANES}u + l.x;
  if (pixel < p.end) { visit(pixel, pixel * p.c4 + wg.y, wg.y); }
}`;

/** Records a dispatch for each band of pixels that the bindings can show. */
export function forEachBand(
  r: Recorder,
  y: FeatureMap,
  record: (
    params: Record<string, number>,
    window: (picture: FeatureMap) => Binding,
    grid: readonly [number, number, number],
  ) => void,
): void {
  for (const [first, end] of r.pixelBands([y], PIXEL_LANES)) {
    const { origin } = r.window(y, first, end);
    const window = (picture: FeatureMap) => r.window(picture, first, end).binding;
    record({ c4: y.c4, first, end, origin }, window, [Math.ceil((end - first) / PIXEL_LANES), y.c4, 1]);
  }
}

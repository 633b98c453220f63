/**
 * Rows of feature maps, for computing in bands: views, which take no dispatch, and copies into a whole.
 *
 * @module
 */

import type { Place, Rows } from "../../graph/graph.ts";
import { PER_PIXEL, PIXEL_LANES } from "./per_pixel.ts";
import type { Kernel } from "../shader/pipeline.ts";
import { rowsOf } from "../record/feature_map.ts";
import type { Recorder } from "../record/recorder.ts";

const COPY: Kernel = {
  label: "place",
  source: `
struct Params { c4: u32, first: u32, end: u32, xOrigin: u32, yOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<Y>>;
fn visit(pixel: u32, at: u32, c: u32) { y[at - p.yOrigin] = stored(vec4f(x[at - p.xOrigin])); }
${PER_PIXEL}`,
};

/** Makes a view of rows the result of an op. */
export function recordRows(r: Recorder, op: Rows): void {
  r.alias(op, rowsOf(r.featureMap(op.x), op.image, op.first, op.shape[2]));
}

/** Records the copy of rows into a whole, whose contents are undefined before. */
export function recordPlace(r: Recorder, op: Place): void {
  const whole = op.into ? r.featureMap(op.into) : r.createFeatureMap(op);
  if (op.into) r.alias(op, whole);
  const x = r.featureMap(op.part);
  const y = rowsOf(whole, op.image, op.first, x.h);
  for (const [first, end] of r.pixelBands([x], PIXEL_LANES)) {
    const [source, target] = [r.window(x, first, end), r.window(y, first, end)];
    r.dispatch(COPY, {
      params: { c4: x.c4, first, end, xOrigin: source.origin, yOrigin: target.origin },
      buffers: { x: source.binding, y: target.binding },
      grid: [Math.ceil((end - first) / PIXEL_LANES), x.c4, 1],
    });
  }
}

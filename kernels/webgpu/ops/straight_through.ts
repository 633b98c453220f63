/**
 * The straight-through estimator at inference, x + (code - x), which is the code up to rounding.
 *
 * @module
 */

import type { StraightThrough } from "../../graph/graph.ts";
import { forEachBand, PER_PIXEL } from "./per_pixel.ts";
import type { Kernel } from "../shader/pipeline.ts";
import type { Recorder } from "../record/recorder.ts";

const STRAIGHT_THROUGH: Kernel = {
  label: "straight through",
  source: `
struct Params { c4: u32, first: u32, end: u32, origin: u32, zero: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> code: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
// Compilers would simplify x + (code - x) to code, which loses NaN; the xor prevents that.
fn visit(pixel: u32, at: u32, c: u32) { let v = x[at - p.origin]; let difference = bitcast<vec4u>(code[at - p.origin] - v) ^ vec4u(p.zero); y[at - p.origin] = v + bitcast<vec4f>(difference); }
${PER_PIXEL}`,
};

/** Records x + (code - x). */
export function recordStraightThrough(r: Recorder, op: StraightThrough): void {
  const [x, code] = [r.featureMap(op.x), r.featureMap(op.code)];
  const y = r.createFeatureMap(op);
  forEachBand(r, y, (params, window, grid) => {
    r.dispatch(STRAIGHT_THROUGH, {
      params: { ...params, zero: 0 },
      buffers: { x: window(x), code: window(code), y: window(y) },
      grid,
    });
  });
}

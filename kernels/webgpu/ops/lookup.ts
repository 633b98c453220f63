/**
 * Codebook lookup: code vectors by index.
 *
 * @module
 */

import type { Lookup } from "../../graph/graph.ts";
import { forEachBand, PER_PIXEL } from "./per_pixel.ts";
import type { Kernel } from "../shader/pipeline.ts";
import type { Recorder } from "../record/recorder.ts";

const LOOKUP: Kernel = {
  label: "lookup",
  source: `
struct Params { c4: u32, first: u32, end: u32, origin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read> codebook: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
fn visit(pixel: u32, at: u32, c: u32) { y[at - p.origin] = codebook[indices[pixel] * p.c4 + c]; }
${PER_PIXEL}`,
};

/** Records the lookup of code vectors. */
export function recordLookup(r: Recorder, op: Lookup): void {
  const y = r.createFeatureMap(op);
  const indices = r.array(op.indices);
  const codebook = r.parameter(op.codebook).buffer;
  forEachBand(r, y, (params, window, grid) => {
    r.dispatch(LOOKUP, { params, buffers: { indices, codebook, y: window(y) }, grid });
  });
}

/**
 * Codebook lookup: code vectors by index.
 *
 * @module
 */

import type { Lookup } from "../../graph/graph.ts";
import { forEachBand, PER_PIXEL } from "./per_pixel.ts";
import type { Kernel } from "../shader/pipeline.ts";
import type { Recorder } from "../record/recorder.ts";

/** Writes the pixels whose code is in one window of the codebook. */
const LOOKUP: Kernel = {
  label: "lookup",
  source: `
struct Params { c4: u32, first: u32, end: u32, origin: u32, codes: u32, firstCode: u32, endCode: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read> rows: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
fn visit(pixel: u32, at: u32, c: u32) {
  let code = min(indices[pixel], p.codes - 1u);
  if (code >= p.firstCode && code < p.endCode) { y[at - p.origin] = rows[(code - p.firstCode) * p.c4 + c]; }
}
${PER_PIXEL}`,
};

/** Records the lookup of code vectors. */
export function recordLookup(r: Recorder, op: Lookup): void {
  const y = r.createFeatureMap(op);
  const indices = r.array(op.indices);
  const { codes } = op.codebook;
  const { windows } = r.parameter(op.codebook);
  forEachBand(r, y, (band, window, grid) => {
    for (const { first: firstCode, end: endCode, rows } of windows) {
      const params = { ...band, codes, firstCode, endCode };
      r.dispatch(LOOKUP, { params, buffers: { indices, rows, y: window(y) }, grid });
    }
  });
}

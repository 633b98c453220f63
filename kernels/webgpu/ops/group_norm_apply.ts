/**
 * The last pass of a group norm or a spatial norm, y = (x - center) * scale + shift, with the activation that follows.
 *
 * @module
 */

import type { Activation, Normalize, RowPlace } from "../../graph/graph.ts";
import type { FeatureMap, PlannedMemory } from "../record/feature_map.ts";
import type { Recorder } from "../record/recorder.ts";
import { type Kernel, labelOf } from "../shader/pipeline.ts";
import { activationFunction, memoized } from "../shader/wgsl.ts";

/** Normalizes pixels of one image: `x` begins at its pixel `shift`, the modulation at its row `mapFirst`. */
function applySource(activation: Activation | undefined, modulated: boolean): string {
  return `
struct Params { image: u32, c4: u32, h: u32, w: u32, shift: u32, mapH: u32, mapW: u32, mapFirst: u32,
                chunkPixels: u32, first: u32, end: u32, xOrigin: u32, yOrigin: u32, scaleOrigin: u32,
                shiftOrigin: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(2) var<storage, read> table: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<Y>>;
${
    modulated
      ? `@group(0) @binding(4) var<storage, read> scaleMap: array<vec4<SCALE>>;
@group(0) @binding(5) var<storage, read> shiftMap: array<vec4<SHIFT>>;`
      : ""
  }
override LANES_X: u32;
override LANES_Y: u32;
${activationFunction(activation)}

@compute @workgroup_size(LANES_X, LANES_Y)
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let c = wg.x * LANES_X + l.x;
  let start = p.first + (wg.y * LANES_Y + l.y) * p.chunkPixels;
  if (c >= p.c4) { return; }
  let row = p.image * 3u * p.c4 + c;
  let center = table[row];
  let scale = table[row + p.c4];
  let shift = table[row + 2u * p.c4];
  let end = min(start + p.chunkPixels, p.end);
  for (var pixel = start; pixel < end; pixel++) {
    var v = (vec4f(x[pixel * p.c4 + c - p.xOrigin]) - center) * scale + shift;
    ${
    modulated
      ? `let at = pixel + p.shift;
    // The image is a multiple of the maps in each direction. Dividing first avoids products of more than 32 bits.
    let mapRow = (at / p.w) / (p.h / p.mapH) - p.mapFirst;
    let source = (mapRow * p.mapW + (at % p.w) / (p.w / p.mapW)) * p.c4 + c;
    v = v * vec4f(scaleMap[source - p.scaleOrigin]) + vec4f(shiftMap[source - p.shiftOrigin]);`
      : ""
  }
    y[pixel * p.c4 + c - p.yOrigin] = stored(activate(v));
  }
}`;
}

const sourceOfApply = memoized(applySource);

/** Records the normalization of some rows. */
export function recordNormalize(r: Recorder, op: Normalize): void {
  const { modulation, activation, place } = op;
  recordApply(r, {
    x: r.featureMap(op.x),
    y: r.createFeatureMap(op),
    table: r.array(op.coefficients),
    maps: modulation && [r.featureMap(modulation.scale), r.featureMap(modulation.shift)],
    activation,
    place,
  });
}

/** Rows of one image to normalize, and how. */
interface Application {
  readonly x: FeatureMap;
  readonly y: FeatureMap;
  readonly table: PlannedMemory;
  /** Scale and shift of a spatial norm. */
  readonly maps: readonly FeatureMap[] | undefined;
  readonly activation: Activation | undefined;
  readonly place: RowPlace;
}

/** Records the normalization of rows of one image. */
export function recordApply(r: Recorder, { x, y, table, maps, activation, place }: Application): void {
  const [lanesX, lanesY] = r.tuning.lanes;
  const { chunkPixels } = r.tuning;
  const kernel: Kernel = {
    label: labelOf(maps ? "spatial norm: apply" : "group norm: apply", activation),
    source: sourceOfApply(activation, maps !== undefined),
    constants: { LANES_X: lanesX, LANES_Y: lanesY },
  };
  const [scale, shift] = (maps ?? []).map((map) => r.window(map, 0, map.h * map.w));
  for (const [first, end] of r.pixelBands([x], chunkPixels * lanesY)) {
    const [source, target] = [r.window(x, first, end), r.window(y, first, end)];
    r.dispatch(kernel, {
      params: {
        image: place.image,
        c4: x.c4,
        h: place.height,
        w: x.w,
        shift: place.first * x.w,
        mapH: place.modulationHeight,
        mapW: maps?.[0].w ?? 1,
        mapFirst: place.modulationFirst,
        chunkPixels,
        first,
        end,
        xOrigin: source.origin,
        yOrigin: target.origin,
        scaleOrigin: scale?.origin ?? 0,
        shiftOrigin: shift?.origin ?? 0,
      },
      buffers: {
        x: source.binding,
        table,
        y: target.binding,
        ...(maps && { scaleMap: scale.binding, shiftMap: shift.binding }),
      },
      grid: [Math.ceil(x.c4 / lanesX), Math.ceil((end - first) / (chunkPixels * lanesY)), 1],
    });
  }
}

/**
 * Group norm and spatial norm of whole feature maps; in bands of rows their passes are ops of their own.
 *
 * @module
 */

import type { GroupNorm } from "../../graph/graph.ts";
import { type FeatureMap, type PlannedMemory, rowsOf } from "../record/feature_map.ts";
import type { Recorder } from "../record/recorder.ts";
import { recordApply } from "./group_norm_apply.ts";
import { allocateSums, recordFold, recordSums, splitIntoChunks } from "./group_norm_sums.ts";

/** Records a group norm, or a spatial norm if there is a modulation. */
export function recordGroupNorm(r: Recorder, op: GroupNorm): void {
  const x = r.featureMap(op.x);
  const table = op.coefficients ? r.array(op.coefficients) : recordCoefficients(r, x, op);
  const y = r.createFeatureMap(op);
  const maps = op.modulation && [r.featureMap(op.modulation.scale), r.featureMap(op.modulation.shift)];
  const modulationHeight = maps?.[0].h ?? 1;
  for (let image = 0; image < x.n; image++) {
    const part = (map: FeatureMap) => rowsOf(map, image, 0, map.h);
    const place = { image, first: 0, height: x.h, modulationFirst: 0, modulationHeight };
    recordApply(r, { x: part(x), y: part(y), table, maps: maps?.map(part), activation: op.activation, place });
  }
}

/** Records the coefficients of a whole feature map. */
function recordCoefficients(r: Recorder, x: FeatureMap, op: GroupNorm): PlannedMemory {
  const split = splitIntoChunks(r, x, x.h);
  const sums = allocateSums(r, x, split);
  recordSums(r, x, sums, split);
  return recordFold(r, x, sums, split, op);
}

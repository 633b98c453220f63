/**
 * Everything that reads untrusted input.
 *
 * @module
 */

import { datasetTargets } from "./targets/datasets.ts";
import { familyTargets } from "./targets/families.ts";
import { hubTargets } from "./targets/hub.ts";
import { modelTargets } from "./targets/models.ts";
import { pictureTargets } from "./targets/pictures.ts";
import { requestTargets } from "./targets/requests.ts";
import type { Target } from "./targets/target.ts";
import { tokenTargets } from "./targets/tokens.ts";
import { weightTargets } from "./targets/weights.ts";

/** In the order in which cases take turns. */
export const TARGETS: readonly Target[] = [
  ...pictureTargets,
  ...tokenTargets,
  ...datasetTargets,
  ...weightTargets,
  ...modelTargets,
  ...familyTargets,
  ...hubTargets,
  ...requestTargets,
];

/**
 * Checkpoints of other families than Diffusers' own, as what Diffusers would have saved of them.
 *
 * @module
 */

export { FAMILY_NAMES, type Reading, recognize } from "./recognize.ts";
export { asDiffusers } from "./diffusers_view.ts";
export { plainModel } from "./for_saving.ts";

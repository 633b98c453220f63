/**
 * Base64 and workers, also for others than the engines. Imports nothing of the engines, so that a program bundled for a
 * worker does not include them.
 *
 * @module
 */

export { bytesOfBase64 } from "./base64.ts";
export { Respondent } from "./worker.ts";

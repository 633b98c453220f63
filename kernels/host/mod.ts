/**
 * Base64, workers and what else depends on the runtime, also for others than the engines. Imports nothing of the engines,
 * so that a program bundled for a worker does not include them.
 *
 * @module
 */

export { bytesOfBase64 } from "./base64.ts";
export { DISPOSE } from "./dispose.ts";
export { countProcessors } from "./processors.ts";
export { Respondent } from "./worker.ts";

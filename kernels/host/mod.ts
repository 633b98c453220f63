/**
 * What every host needs, and no engine: base64 and workers. Imports nothing of the engines, so that a program which is
 * bundled for a worker does not carry them.
 *
 * @module
 */

export { bytesOfBase64 } from "./base64.ts";
export { Respondent } from "./worker.ts";

/**
 * Checks of untrusted names that become paths: none may lead out of its folder.
 *
 * @module
 */

import { HubError } from "../errors.ts";
import { show } from "../show.ts";

/** The limit of common file systems. */
const MAX_NAME_LENGTH = 255;
/** Separators of paths on any system, and control characters. */
// deno-lint-ignore no-control-regex -- control characters act on terminals
const FORBIDDEN = /[\\/:\0-\x1f\x7f]/;

/** Whether a name is valid for a file directly in a folder, on every system. */
export function isPlainFileName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && name.length <= MAX_NAME_LENGTH && !FORBIDDEN.test(name);
}

/**
 * Splits a `subfolder` option into its folders; none for `""`.
 *
 * @throws {HubError} if it leads out of the model's folder
 */
export function subfolderParts(subfolder: string): string[] {
  const parts = subfolder.split("/").filter((part) => part !== "" && part !== ".");
  if (subfolder.startsWith("/") || !parts.every(isPlainFileName)) {
    throw new HubError(
      `Cannot use subfolder ${show(subfolder)}: expected a folder inside the model's, such as "vqvae"`,
    );
  }
  return parts;
}

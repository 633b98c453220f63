/**
 * Names that others wrote and that become paths: none may leave the folder it is meant for.
 *
 * @module
 */

import { HubError } from "../errors.ts";
import { show } from "../show.ts";

/** The longest that file systems take. */
const LONGEST_NAME = 255;

/** Whether a name is that of a file right in a folder, on any system. */
export function isPlainFileName(name: string): boolean {
  // deno-lint-ignore no-control-regex -- a terminal would obey them
  return name !== "" && name !== "." && name !== ".." && name.length <= LONGEST_NAME && !/[\\/:\0-\x1f\x7f]/.test(name);
}

/**
 * The folders that a `subfolder` option goes through; none for `""`.
 *
 * @throws {HubError} if it leads elsewhere
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

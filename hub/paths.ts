/**
 * Names that others wrote and that become paths: none may leave the folder it is meant for.
 *
 * @module
 */

import { HubError } from "./errors.ts";

/** Whether a name is that of a file right in a folder, on any system. */
export function isPlainFileName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[\\/:\0]/.test(name);
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
      `Cannot use subfolder ${JSON.stringify(subfolder)}: expected a folder inside the model's, such as "vqvae"`,
    );
  }
  return parts;
}

/**
 * Reads whole files, where there are files.
 *
 * @module
 */

import { readFile } from "./files.ts";
import { findNodeModule } from "./node_modules.ts";

/** Whether there is a file system; browsers have none. */
export function hasFileSystem(): boolean {
  return findNodeModule("node:fs/promises") !== undefined;
}

/**
 * The bytes of a file, which take memory together.
 *
 * @param path a path or a `file:` URL
 * @throws {HubError} if the runtime has no file system; and the runtime's own errors
 */
export async function readBytes(path: string | URL, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(path, { signal }));
}

/**
 * Temporary directories.
 *
 * @module
 */

import { mkdtemp, rm } from "./files.ts";
import { join } from "./file_paths.ts";
import { HubError } from "../errors.ts";
import { reasonOf } from "../show.ts";
import { nodeModule } from "./node_modules.ts";

/**
 * Makes a temporary directory, passes it to `use`, and removes it with its content.
 *
 * @throws {HubError} if the directory cannot be made
 */
export async function withTemporaryDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await makeDirectory();
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function makeDirectory(): Promise<string> {
  try {
    return await mkdtemp(join(nodeModule("node:os").tmpdir(), "vqmodel-"));
  } catch (cause) {
    throw new HubError(
      `Cannot make a temporary directory: ${
        reasonOf(cause)
      }. It takes permission to read TMPDIR, TMP and TEMP from the ` +
        "environment, and to read and write in that directory",
      { cause },
    );
  }
}

/**
 * Temporary directories.
 *
 * @module
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HubError } from "../errors.ts";
import { reasonOf } from "../show.ts";

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
    return await mkdtemp(join(tmpdir(), "vqmodel-"));
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

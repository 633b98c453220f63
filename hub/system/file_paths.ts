/**
 * Functions of `node:path` and `node:url`, loaded when they are first called. They throw a {@linkcode HubError} where there
 * is no file system.
 *
 * @module
 */

import { nodeModule } from "./node_modules.ts";

type Path = typeof import("node:path");

export const basename: Path["basename"] = (...values) => nodeModule("node:path").basename(...values);
export const dirname: Path["dirname"] = (...values) => nodeModule("node:path").dirname(...values);
export const join: Path["join"] = (...values) => nodeModule("node:path").join(...values);
export const resolve: Path["resolve"] = (...values) => nodeModule("node:path").resolve(...values);

/** The path of a `file:` URL. */
export function fileURLToPath(url: string | URL): string {
  return nodeModule("node:url").fileURLToPath(url);
}

/** The `file:` URL of a path. */
export function pathToFileURL(path: string): URL {
  return nodeModule("node:url").pathToFileURL(path);
}

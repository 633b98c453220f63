/**
 * Globs, with npm:minimatch: Node 20 has no glob of its own.
 *
 * @module
 */

import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Minimatch } from "minimatch";

/** Characters of globs. */
const MAGIC = /[*?[\]{}]/;

/** Whether a path may be a glob. */
export function isGlob(path: string): boolean {
  return MAGIC.test(path);
}

/** A folder, and what a glob matches in it. */
export interface GlobMatches {
  /** The part of the pattern before its first special character, up to a separator. */
  readonly base: string;
  /** Paths below it: files, folders, links and what else is there. */
  readonly names: AsyncIterable<string>;
}

/**
 * Finds what a glob matches: `*`, `?`, `[a-z]`, `{a,b}` and `{000..099}` in a name, `**` for any depth. Hidden names are
 * matched only by patterns that begin with a dot. Links to folders are followed, but not in circles.
 */
export async function matchGlob(pattern: string): Promise<GlobMatches> {
  const [base] = /^(?:[^*?[\]{}]*[\\/])?/.exec(pattern)!;
  const { Minimatch } = await import("minimatch");
  const options = { nonegate: true, nocomment: true, windowsPathsNoEscape: true };
  return { base, names: namesIn(base || ".", "", new Minimatch(pattern.slice(base.length), options), []) };
}

/** The matches below `path` in a folder. `above` are the real paths of the folders that led there. */
async function* namesIn(
  folder: string,
  path: string,
  matcher: Minimatch,
  above: readonly string[],
): AsyncGenerator<string> {
  const place = join(folder, path);
  const real = await realpath(place).catch(() => undefined);
  if (real === undefined || above.includes(real)) return;
  for (const entry of await readdir(place, { withFileTypes: true }).catch(() => [])) {
    const name = path + entry.name;
    if (matcher.match(name)) yield name;
    if (!matcher.match(name, true)) continue;
    const found = entry.isSymbolicLink() ? await stat(join(folder, name)).catch(() => undefined) : entry;
    if (found?.isDirectory()) yield* namesIn(folder, `${name}/`, matcher, [...above, real]);
  }
}

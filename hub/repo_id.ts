/**
 * Names of models: repositories of the Hub and local directories.
 *
 * @module
 */

import { stat } from "./system/files.ts";
import { HubError } from "./errors.ts";
import { isPlainFileName } from "./system/paths.ts";
import { isGranted } from "./system/permissions.ts";
import { show, showText } from "./show.ts";

/**
 * Whether a model's name is a local directory rather than a repository of the Hub.
 *
 * Directories are: URLs; names that start with `./`, `../`, `/`, `~`, `file:` or a drive letter; `.` and `..`; and existing
 * folders (with permission to read them). Every other name must be a repository: `"owner/name"`.
 *
 * @throws {HubError} if it is neither
 */
export async function isLocalPath(model: string | URL): Promise<boolean> {
  if (typeof model !== "string") return true;
  if (looksLocal(model) || await isFolder(model)) return true;
  checkRepoId(model);
  return false;
}

/** Whether a text can only be a path on this machine, or a `file:` URL. */
export function looksLocal(text: string): boolean {
  return /^(\.{1,2}([\\/]|$)|[\\/~]|file:|[A-Za-z]:[\\/])/.test(text);
}

/**
 * Checks the name of a repository by the Hub's rules.
 *
 * @throws {HubError} if it is not valid
 */
export function checkRepoId(repo: string): void {
  const isName = (part: string) => /^[A-Za-z0-9_](?:[\w.-]{0,94}\w)?$/.test(part);
  const parts = repo.split("/");
  if (parts.length > 2 || !parts.every(isName) || /--|\.\./.test(repo) || repo.endsWith(".git")) {
    const shown = /^https?:\/\/[^/]+\/([^/]+\/[^/?#]+)/.exec(repo)?.[1];
    const advice = shown ? `"${showText(shown)}" for what is at that address` : `"./${showText(repo)}" for a directory`;
    throw new HubError(
      `Cannot load ${show(repo)}: expected a repository of the Hub, such as "owner/name", or a directory that ` +
        `exists; write ${advice}`,
    );
  }
}

/**
 * Checks a revision, which becomes part of URLs and of a path in the cache.
 *
 * @throws {HubError} if it is not valid
 */
export function checkRevision(revision: string): void {
  if (!revision.split("/").every(isPlainFileName)) {
    throw new HubError(
      `Cannot use revision ${show(revision)}: expected a branch, a tag, a commit or "refs/pr/NUMBER"`,
    );
  }
}

/** Whether a revision is the full hash of a commit, which never changes. */
export function isCommitHash(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

async function isFolder(path: string): Promise<boolean> {
  if (!isGranted({ name: "read", path })) return false;
  return await stat(path).then((found) => found.isDirectory(), () => false);
}

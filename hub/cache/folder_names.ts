/**
 * Names of the folders of repositories in a cache, those of Python's `huggingface_hub`.
 *
 * @module
 */

import { checkRepoId } from "../repo_id.ts";

/** The folder of a model: `models--OWNER--NAME`. */
export function folderNameOf(repo: string): string {
  return ["models", ...repo.split("/")].join("--");
}

/** The model that a folder belongs to; `undefined` if it is not one of a model. */
export function repoOfFolder(name: string): string | undefined {
  const [kind, ...parts] = name.split("--");
  const repo = parts.join("/");
  if (kind !== "models" || parts.length === 0) return undefined;
  try {
    checkRepoId(repo);
    return repo;
  } catch {
    return undefined;
  }
}

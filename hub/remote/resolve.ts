/**
 * Resolves revisions to commits, and lists their files.
 *
 * @module
 */

import type { ListFileEntry } from "@huggingface/hub";
import type { Connection } from "./connection.ts";
import { HubError } from "../errors.ts";
import { useHubPackage } from "./hub_package.ts";
import { isPlainFileName } from "../system/paths.ts";
import { isCommitHash } from "../repo_id.ts";
import { show, showText } from "../show.ts";

/** A file of a repository. */
export interface RemoteFile {
  /** Path in the repository, with `/` between folders. */
  readonly path: string;
  /** Size in bytes. */
  readonly size: number;
  /** Hash of the content, which also is its name in the cache. */
  readonly etag: string;
  /** Whether `etag` is the SHA-256 of the content, or git's SHA-1. */
  readonly algorithm: "sha256" | "git-sha1";
  /** Whether the content is in Xet storage. */
  readonly isXet: boolean;
  /** Where it is, if not where the Hub has it. */
  readonly url?: string;
  /** A text that is another one when the file is, as its server says. */
  readonly version?: string;
}

/**
 * Resolves a branch, tag, abbreviated commit or `refs/pr/N` to its current commit.
 *
 * @throws {HubError} if there is no such repository or revision, or access is denied
 */
export async function resolveRevision(connection: Connection, retries?: number): Promise<string> {
  const { repo, revision } = connection;
  const info = await useHubPackage(connection, async (hub, { hubUrl, fetch }) => {
    return await hub.modelInfo({ name: repo, revision, additionalFields: ["sha"], hubUrl, fetch });
  }, retries);
  const commit: unknown = info.sha;
  if (typeof commit === "string" && isCommitHash(commit)) return commit;
  throw new HubError(
    `Cannot load ${repo}: expected the commit of revision ${show(revision)}, found ${show(commit)}`,
    { url: connection.hubUrl },
  );
}

/** Pages have up to a thousand entries; the folder of a model has far fewer files. */
const MAX_PAGES = 100;

/**
 * Lists the files directly in a folder. Files with invalid names are left out.
 *
 * @param folder path in the repository, `""` for the root
 * @throws {HubError} if there is no such folder, or its list is too long
 */
export async function listFolder(connection: Connection, commit: string, folder: string): Promise<RemoteFile[]> {
  const path = folder.split("/").map(encodeURIComponent).join("/");
  const prefix = folder && `${folder}/`;
  return await useHubPackage(connection, async (hub, parameters) => {
    const fetch = limited(parameters.fetch, connection);
    const files: RemoteFile[] = [];
    for await (const entry of hub.listFiles({ ...parameters, fetch, revision: commit, path })) {
      const file = fileOf(entry, prefix);
      if (!file) continue;
      checkFile(file, connection);
      files.push(file);
    }
    return files;
  });
}

/** Limits the number of pages that are requested. */
function limited(ask: typeof fetch, { action, repo }: Connection): typeof fetch {
  let pages = 0;
  return async (...request) => {
    if (++pages > MAX_PAGES) {
      throw new HubError(`Cannot ${action} ${repo}: expected at most ${MAX_PAGES} pages of files in a folder`);
    }
    return await ask(...request);
  };
}

/** The file of an entry of a list; `undefined` if it is not a file directly in the folder. */
function fileOf(entry: Partial<ListFileEntry> | null, prefix: string): RemoteFile | undefined {
  const { type, path, size = NaN, oid = "", lfs, xetHash } = entry ?? {};
  if (type !== "file" || typeof path !== "string") return undefined;
  if (!path.startsWith(prefix) || !isPlainFileName(path.slice(prefix.length))) return undefined;
  return lfs
    ? { path, size: lfs.size, etag: lfs.oid, algorithm: "sha256", isXet: xetHash !== undefined }
    : { path, size, etag: oid, algorithm: "git-sha1", isXet: false };
}

/**
 * Checks the size and the hash from a server, which become an amount of memory and a file's name.
 *
 * @throws {HubError} if they are not valid
 */
export function checkFile({ path, size, etag, algorithm }: RemoteFile, { repo, hubUrl }: Connection): void {
  const length = algorithm === "sha256" ? 64 : 40;
  if (!Number.isSafeInteger(size) || size < 0 || !/^[0-9a-f]+$/.test(etag) || etag.length !== length) {
    throw new HubError(
      `Cannot load ${repo}: expected the size and the ${algorithm} of ${showText(path)}, found ${show({ size, etag })}`,
      { url: hubUrl },
    );
  }
}

/**
 * Which commit a revision is, and which files it has.
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
  /** Its path in the repository, with `/` between folders. */
  readonly path: string;
  /** Its size in bytes. */
  readonly size: number;
  /** What the cache names its bytes by, and what they are checked against. */
  readonly etag: string;
  /** Whether `etag` is the SHA-256 of its bytes, or git's SHA-1. */
  readonly algorithm: "sha256" | "git-sha1";
  /** Whether its bytes are in Xet storage. */
  readonly isXet: boolean;
}

/**
 * The commit that a branch, a tag, an abbreviated commit or `refs/pr/N` is at now.
 *
 * @throws {HubError} if there is no such repository or revision, or it may not be read
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

/** Far more than the folder of any model has, of pages of up to a thousand entries. */
const MOST_PAGES = 100;

/**
 * The files right in a folder, by name. What has a name that is none is left out.
 *
 * @param folder its path in the repository, `""` for the outermost one
 * @throws {HubError} if there is no such folder, or its list does not end
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

/** Asks for so many pages. */
function limited(ask: typeof fetch, { action, repo }: Connection): typeof fetch {
  let pages = 0;
  return async (...request) => {
    if (++pages > MOST_PAGES) {
      throw new HubError(`Cannot ${action} ${repo}: expected at most ${MOST_PAGES} pages of files in a folder`);
    }
    return await ask(...request);
  };
}

/** What an entry of a list says, where it is of a file right in the folder. */
function fileOf(entry: Partial<ListFileEntry> | null, prefix: string): RemoteFile | undefined {
  const { type, path, size = NaN, oid = "", lfs, xetHash } = entry ?? {};
  if (type !== "file" || typeof path !== "string") return undefined;
  if (!path.startsWith(prefix) || !isPlainFileName(path.slice(prefix.length))) return undefined;
  return lfs
    ? { path, size: lfs.size, etag: lfs.oid, algorithm: "sha256", isXet: xetHash !== undefined }
    : { path, size, etag: oid, algorithm: "git-sha1", isXet: false };
}

/**
 * What the server says becomes a file's name and an amount of memory.
 *
 * @throws {HubError} if it cannot
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

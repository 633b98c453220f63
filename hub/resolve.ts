/**
 * Which commit a revision is, and which files it has.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import { HubError } from "./errors.ts";
import { useHubPackage } from "./hub_package.ts";
import { isPlainFileName } from "./paths.ts";
import { isCommitHash } from "./repo_id.ts";
import { show, showText } from "./show.ts";

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

/**
 * The files right in a folder, by name. What has a name that is none is left out.
 *
 * @param folder its path in the repository, `""` for the outermost one
 * @throws {HubError} if there is no such folder
 */
export async function listFolder(connection: Connection, commit: string, folder: string): Promise<RemoteFile[]> {
  const path = folder.split("/").map(encodeURIComponent).join("/");
  const entries = await useHubPackage(connection, async (hub, parameters) => {
    const files = [];
    for await (const file of hub.listFiles({ ...parameters, revision: commit, path })) files.push(file);
    return files;
  });
  const prefix = folder && `${folder}/`;
  return entries
    .filter(({ type, path }) =>
      type === "file" && path.startsWith(prefix) && isPlainFileName(path.slice(prefix.length))
    )
    .map(({ path, size, oid, lfs, xetHash }) => {
      const file: RemoteFile = lfs
        ? { path, size: lfs.size, etag: lfs.oid, algorithm: "sha256", isXet: xetHash !== undefined }
        : { path, size, etag: oid ?? "", algorithm: "git-sha1", isXet: false };
      checkFile(file, connection);
      return file;
    });
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

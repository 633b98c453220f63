/**
 * Finds files on servers without lists of files, such as some mirrors of the Hub, by requests for single files.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import { HubError } from "../errors.ts";
import { failureOf } from "./explain.ts";
import { checkFile, listFolder, type RemoteFile } from "./resolve.ts";
import { withRetries } from "./retry.ts";

/**
 * Finds the files directly in a folder; if the server has no lists, those of `names` that exist.
 *
 * @throws {HubError} if there is no such folder, or no file is found
 */
export async function findFiles(
  connection: Connection,
  commit: string,
  folder: string,
  names: readonly string[],
): Promise<RemoteFile[]> {
  try {
    return await listFolder(connection, commit, folder);
  } catch (error) {
    if (!isAboutList(error, connection.hubUrl)) throw error;
    const prefix = folder && `${folder}/`;
    const requested = await Promise.all(names.map((name) => requestFile(connection, commit, prefix + name)));
    const files = requested.filter((file) => file !== undefined);
    if (files.length > 0) return files;
    const { repo, hubUrl } = connection;
    throw new HubError(
      `Cannot load ${repo}: ${hubUrl} does not list its files (status ${error.status}), and in ` +
        `${folder || "its root"} it has none of ${names.join(", ")}`,
      { status: error.status, url: error.url, cause: error },
    );
  }
}

/**
 * Requests size and hash of the file at a path; `undefined` if there is none.
 *
 * @throws {HubError} if access is denied, or the server does not send size and hash
 */
export async function requestFile(
  connection: Connection,
  commit: string,
  path: string,
): Promise<RemoteFile | undefined> {
  const { hubUrl, repo, signal } = connection;
  const address = `${hubUrl}/${repo}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`;
  return await withRetries(async () => {
    const { response, url } = await connection.send(address, {
      method: "HEAD",
      redirect: "manual", // storage on another host has other hashes for the file
      headers: { "accept-encoding": "identity" },
    });
    const { status, headers } = response;
    if (status === 404 && ["EntryNotFound", null].includes(headers.get("x-error-code"))) return undefined;
    if (status >= 400) throw await failureOf(response, url, connection);
    const etag = (headers.get("x-linked-etag") ?? headers.get("etag") ?? "").replace(/^W\/|"/g, "");
    const size = Number(headers.get("x-linked-size") ?? headers.get("content-length") ?? NaN);
    const file: RemoteFile = { path, size, etag, algorithm: etag.length === 64 ? "sha256" : "git-sha1", isXet: false };
    checkFile(file, connection);
    return file;
  }, { signal });
}

/** Whether an error means that the server has no lists: a server that has them sends an error code. */
function isAboutList(error: unknown, hubUrl: string): error is HubError {
  if (!(error instanceof HubError) || !error.url?.startsWith(hubUrl)) return false;
  return error.errorCode === undefined && [404, 405, 501].includes(error.status ?? 0);
}

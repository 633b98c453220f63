/**
 * Files of servers that do not list them, as some mirrors of the Hub do not: asked for one by one.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import { HubError } from "../errors.ts";
import { failureOf } from "./explain.ts";
import { checkFile, listFolder, type RemoteFile } from "./resolve.ts";
import { withRetries } from "./retry.ts";

/**
 * The files right in a folder; where the server has no such list, those that it has by one of some names.
 *
 * @throws {HubError} if there is no such folder, or nothing is found in it
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
    const asked = await Promise.all(names.map((name) => askForFile(connection, commit, prefix + name)));
    const files = asked.filter((file) => file !== undefined);
    if (files.length > 0) return files;
    const { repo, hubUrl } = connection;
    throw new HubError(
      `Cannot load ${repo}: ${hubUrl} does not list its files (status ${error.status}), and in ` +
        `${folder || "its outermost folder"} it has none of ${names.join(", ")}`,
      { status: error.status, url: error.url, cause: error },
    );
  }
}

/**
 * The file at a path; `undefined` where there is none.
 *
 * @throws {HubError} if it may not be read, or the server does not say its size and hash
 */
export async function askForFile(
  connection: Connection,
  commit: string,
  path: string,
): Promise<RemoteFile | undefined> {
  const { hubUrl, repo, signal } = connection;
  const address = `${hubUrl}/${repo}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`;
  return await withRetries(async () => {
    const { response, url } = await connection.send(address, {
      method: "HEAD",
      redirect: "manual", // what storage elsewhere says of the file is not what the Hub calls it
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

/** Whether the Hub's answer is about the list itself: where there is one, the answer says what it is that is missing. */
function isAboutList(error: unknown, hubUrl: string): error is HubError {
  if (!(error instanceof HubError) || !error.url?.startsWith(hubUrl)) return false;
  return error.errorCode === undefined && [404, 405, 501].includes(error.status ?? 0);
}

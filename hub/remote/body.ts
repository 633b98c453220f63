/**
 * Reads the bytes of a file in a repository from any offset.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import { HubError } from "../errors.ts";
import { failureOf, withoutQuery } from "./explain.ts";
import { useHubPackage } from "./hub_package.ts";
import type { RemoteFile } from "./resolve.ts";
import { retryAfter, UnreachableError } from "./retry.ts";
import { publicCause, publicReasonOf, showText } from "../show.ts";
import { hasFileSystem } from "../system/read_file.ts";

/** The server's file differs from its list of files. */
export class WrongBytesError extends HubError {}

/** The server sends no parts of files. */
export class WholeFilesError extends HubError {}

type Bytes = Uint8Array<ArrayBuffer>;

/** Decoded bytes that Xet's parallel requests may buffer. */
const XET_AHEAD = 64 * 2 ** 20;

/**
 * Yields the bytes of a file from `start` on. They may end too early.
 *
 * @param file its size is infinite if it is not known
 * @param end offset after the last byte; if it is not the file's end, a server that does not send ranges is an error
 * @throws {UnreachableError} if the connection breaks, or no bytes arrive for a while
 * @throws {WrongBytesError} if the file does not have the expected size
 * @throws {WholeFilesError} if a part is wanted, and the server sends none
 */
export async function* bytesFrom(
  file: RemoteFile,
  start: number,
  connection: Connection,
  commit: string,
  end = file.size,
): AsyncGenerator<Bytes> {
  const isPart = end < file.size;
  // The package assembles files from many requests. In a browser, the Hub's redirect to the whole file does.
  const open = file.isXet && !isPart && hasFileSystem() ? openXet : openPlain;
  const reader = (await open(file, start, connection, commit, end)).getReader();
  try {
    for (;;) {
      const { done, value } = await readInTime(reader, file, connection);
      if (done) return;
      if (value.length > 0) yield value; // every chunk resets the count of retries, so it must not be empty
    }
  } finally {
    // Not awaited: a source that hangs may hang here, too.
    reader.cancel().catch(() => {});
  }
}

/** Reads one chunk, unless it takes too long. */
async function readInTime(reader: ReadableStreamDefaultReader<Bytes>, file: RemoteFile, connection: Connection) {
  const { repo, timeout, signal } = connection;
  let stop = () => {};
  const tooLong = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`no data for ${timeout / 1000} s`)), timeout);
    const abort = () => reject(signal!.reason);
    signal?.addEventListener("abort", abort);
    stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
  });
  try {
    signal?.throwIfAborted();
    return await Promise.race([reader.read(), tooLong]);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof HubError) throw cause;
    const reason = file.isXet ? xetReasonOf(cause) : publicReasonOf(cause);
    throw new UnreachableError(`Cannot load ${file.path} of ${repo}: the connection broke; ${reason}`, {
      cause: publicCause(cause),
    });
  } finally {
    stop();
  }
}

/** The package passes on the messages of requests made here. Its own messages do not help users. */
function xetReasonOf(thrown: unknown): string {
  const reason = publicReasonOf(thrown);
  const isOurs = /^(Cannot load|no data for) /.test(reason);
  return isOurs ? reason : "the data broke off, or are not those of Xet storage";
}

/** Opens a file by a plain request, which may be redirected to storage on another host. */
async function openPlain(
  file: RemoteFile,
  start: number,
  connection: Connection,
  commit: string,
  end = file.size,
) {
  const { hubUrl, repo } = connection;
  const path = file.path.split("/").map(encodeURIComponent).join("/");
  const { response, url } = await connection.send(file.url ?? `${hubUrl}/${repo}/resolve/${commit}/${path}`, {
    // Compressed responses cannot be resumed.
    headers: { "accept-encoding": "identity", ...rangeHeader(start, end, file.size) },
  });
  if (response.status === 416) throw wrongSize(file, repo, response.headers.get("content-range"));
  if (!response.ok) throw await refusalOf(response, url, file, connection);

  if (end < file.size && response.status !== 206) {
    await response.body?.cancel();
    throw new WholeFilesError(
      `Cannot load a part of ${file.path} of ${repo}: ${showText(url.origin)} sends whole files only`,
      {
        url: withoutQuery(url),
      },
    );
  }
  const found = response.status === 206 ? rangeOf(response, start) : { start: 0, size: lengthOf(response) };
  if (found.size !== undefined && found.size !== file.size && file.size !== Infinity) {
    await response.body?.cancel();
    throw wrongSize(file, repo, `${found.size} bytes`);
  }
  const version = start > 0 ? versionOf(response) : undefined;
  if (file.version !== undefined && version !== undefined && version !== file.version) {
    await response.body?.cancel();
    throw new WrongBytesError(`Cannot load ${file.path} of ${repo}: the server has another file there meanwhile`);
  }
  if (!(found.start <= start)) {
    await response.body?.cancel();
    throw new UnreachableError(
      `Cannot load ${file.path} of ${repo}: expected its bytes from ${start} on, found others`,
    );
  }
  const body: ReadableStream<Bytes> = response.body ?? new Blob().stream();
  return found.start === start ? body : body.pipeThrough(skip(start - found.start));
}

function rangeHeader(start: number, end: number, size: number): Record<string, string> {
  if (end < size) return { range: `bytes=${start}-${end - 1}` };
  return start > 0 ? { range: `bytes=${start}-` } : {};
}

/** Opens a file in Xet storage with the package, which assembles it from chunks. */
async function openXet(file: RemoteFile, start: number, connection: Connection, commit: string) {
  const path = file.path.split("/").map(encodeURIComponent).join("/");
  const blob = await useHubPackage(connection, async (hub, parameters) => {
    const downloadInfo = await hub.fileDownloadInfo({ ...parameters, path, revision: commit });
    if (!downloadInfo?.xet) return undefined;
    const parallelDownloads = { maxInFlightBytes: XET_AHEAD };
    return await hub.downloadFile({ ...parameters, path, downloadInfo, parallelDownloads });
  });
  if (!blob) return await openPlain(file, start, connection, commit);
  if (blob.size !== file.size) throw wrongSize(file, connection.repo, `${blob.size} bytes`);
  return blob.slice(start).stream();
}

/** The error for a refused request. Other hosts refuse signed URLs that have expired, and a retry gets a new one. */
async function refusalOf(response: Response, url: URL, file: RemoteFile, connection: Connection): Promise<HubError> {
  if (url.origin === new URL(connection.hubUrl).origin) return await failureOf(response, url, connection);
  await response.body?.cancel();
  return new UnreachableError(
    `Cannot load ${file.path} of ${connection.repo}: the storage at ${
      showText(url.origin)
    } refused it (status ${response.status})`,
    { status: response.status, url: withoutQuery(url), retryAfter: retryAfter(response.headers) },
  );
}

/**
 * `Content-Range: bytes START-END/SIZE`. Browsers may hide it from the page.
 *
 * @param requested the start that was asked for
 */
export function rangeOf(response: Response, requested: number): { start: number; size?: number } {
  const range = response.headers.get("content-range");
  if (range === null && mayHideHeaders(response)) return { start: requested };
  const [, start, size] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range ?? "") ?? [];
  return { start: Number(start), size: size === "*" ? undefined : Number(size) };
}

/** A text that is another one when the file is, if the server says it; weak ones are also the same for similar files. */
export function versionOf({ headers }: Response): string | undefined {
  const etag = headers.get("etag");
  return etag?.startsWith('"') ? etag : undefined;
}

/**
 * The number of bytes of a body that is not compressed, if the server says it. A browser may hide from the page that it is
 * compressed.
 */
export function lengthOf(response: Response): number | undefined {
  const length = response.headers.get("content-length");
  if (length === null || response.headers.has("content-encoding") || mayHideHeaders(response)) return undefined;
  return Number(length);
}

/** Whether a browser got the response from another origin: then it shows few headers, and those that the server allows. */
function mayHideHeaders({ type }: Response): boolean {
  return type === "cors" && !hasFileSystem();
}

/** Drops the first bytes, for servers that ignore ranges. */
function skip(count: number): TransformStream<Bytes, Bytes> {
  return new TransformStream({
    transform(chunk, controller) {
      if (count < chunk.length) controller.enqueue(chunk.subarray(count));
      count = Math.max(count - chunk.length, 0);
    },
  });
}

function wrongSize({ path, size }: RemoteFile, repo: string, found: string | null): WrongBytesError {
  return new WrongBytesError(
    `Cannot load ${path} of ${repo}: expected ${size} bytes, the server has ${
      found === null ? "others" : showText(found)
    }`,
  );
}

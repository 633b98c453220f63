/**
 * Files of web servers, and of the Hub outside of its cache.
 *
 * @module
 */

import { type HubAccess, locateRemote, type RemotePlace } from "./access.ts";
import { readBody } from "./bounded_response.ts";
import { bytesFrom, lengthOf, rangeOf, versionOf } from "./body.ts";
import { type ByteSource, sourceOfBytes } from "../formats/byte_source.ts";
import { HubError } from "../errors.ts";
import { failureOf } from "./explain.ts";
import { stepReporter } from "./progress.ts";
import { rangeSource } from "./range_source.ts";
import type { RemoteFile } from "./resolve.ts";
import { retryAfter, UnreachableError, withRetries } from "./retry.ts";

/** Most bytes of a file that is kept in memory. */
const MAX_SIZE = 2 ** 31;

/**
 * Opens a file of a web server, to which no token is sent, or of the Hub. If the server supports that, only the ranges that
 * are read are requested; otherwise the whole file is kept in memory. No hash is known that could be checked.
 *
 * @param address an `https:` URL, or `hf://datasets/OWNER/NAME/PATH`
 * @throws {HubError} if the server cannot be reached, refuses the file, or it is too large
 */
export async function openUrl(address: string | URL, { onProgress, ...access }: HubAccess): Promise<ByteSource> {
  const place = await locateRemote(address, access);
  const { name, connection } = place;
  const onStep = stepReporter(name, onProgress);
  return await withRetries(async () => {
    const first = await probe(place);
    const { size } = rangeOf(first, 0);
    const isPart = first.status === 206;
    if (isPart) await first.body?.cancel();
    if (isPart && size !== undefined) {
      const file = fileAt(place, size, versionOf(first));
      return rangeSource(file, { connection, commit: "main", onStep });
    }
    const response = isPart ? await request(place) : first;
    const length = lengthOf(response) ?? 0;
    if (length > MAX_SIZE) {
      await response.body?.cancel();
      throw new HubError(
        `Cannot load ${name}: its server does not send parts of files, and ${length} bytes are too many to keep in memory ` +
          `(at most ${MAX_SIZE}). Download it, and pass its path`,
      );
    }
    return sourceOfBytes(await readBody(response, `Cannot load ${name}`, MAX_SIZE), name);
  }, { signal: access.signal });
}

/**
 * Reads a file of a web server, to which no token is sent, or of the Hub, from its beginning to its end. Where the
 * connection breaks, it is made again, and the file continued from there. No hash is known that could be checked.
 *
 * @param address an `https:` URL, or `hf://datasets/OWNER/NAME/PATH`; a revision other than `main` is put behind the name:
 * `hf://datasets/OWNER/NAME@REVISION/PATH`
 * @throws {HubError} if the server cannot be reached, refuses the file, or replaces it meanwhile
 */
export async function* streamUrl(
  address: string | URL,
  access: Omit<HubAccess, "onProgress"> = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const place = await locateRemote(address, access);
  const retries = { signal: access.signal };
  const file = await withRetries(async () => {
    const response = await probe(place);
    await response.body?.cancel();
    const size = response.status === 206 ? rangeOf(response, 0).size : lengthOf(response);
    return fileAt(place, size ?? Infinity, versionOf(response));
  }, retries);
  let done = 0;
  let chunks: AsyncGenerator<Uint8Array<ArrayBuffer>> | undefined;
  try {
    for (;;) {
      const chunk = await withRetries(async () => {
        chunks ??= bytesFrom(file, done, place.connection, "main");
        const { value } = await chunks.next().catch((cause) => {
          chunks = undefined;
          throw cause;
        });
        if (value || file.size === Infinity || done >= file.size) return value;
        chunks = undefined;
        throw new UnreachableError(`Cannot load ${place.name}: it ended after ${done} of ${file.size} bytes`);
      }, retries);
      if (!chunk) return;
      done += chunk.length;
      yield chunk;
    }
  } finally {
    await chunks?.return(undefined);
  }
}

/** Requests the first byte, to find out how long a file is; the response is the whole file if its server sends no parts. */
function probe(place: RemotePlace): Promise<Response> {
  return request(place, { range: "bytes=0-0" });
}

async function request(place: RemotePlace, range: Record<string, string> = {}): Promise<Response> {
  const headers = { "accept-encoding": "identity", ...range };
  const { response, url } = await place.connection.send(place.url.href, { headers });
  if (response.ok) return response;
  // An empty file has no first byte.
  if (response.status === 416 && response.headers.get("content-range")?.endsWith("/0")) {
    return new Response(null, {
      headers: { "content-length": "0" },
    });
  }
  throw await refusalOf(response, url, place);
}

function fileAt({ url }: RemotePlace, size: number, version?: string): RemoteFile {
  return { path: url.pathname, url: url.href, size, version, etag: "", algorithm: "sha256", isXet: false };
}

async function refusalOf(response: Response, url: URL, { name, connection }: RemotePlace): Promise<HubError> {
  if (connection.repo !== name && url.origin === new URL(connection.hubUrl).origin) {
    return await failureOf(response, url, connection);
  }
  await response.body?.cancel();
  const { status, headers } = response;
  const message = `Cannot load ${name}: the server refused it (status ${status})`;
  const isTemporary = status === 429 || status >= 500;
  if (isTemporary) return new UnreachableError(message, { status, url: name, retryAfter: retryAfter(headers) });
  return new HubError(message, { status, url: name });
}

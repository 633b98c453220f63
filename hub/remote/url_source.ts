/**
 * Files of web servers that are no Hub.
 *
 * @module
 */

import { connectTo, type HubAccess } from "./access.ts";
import { readBody } from "./bounded_response.ts";
import { lengthOf, rangeOf } from "./body.ts";
import { type ByteSource, sourceOfBytes } from "../formats/byte_source.ts";
import { HubError } from "../errors.ts";
import { withoutQuery } from "./explain.ts";
import { stepReporter } from "./progress.ts";
import { rangeSource } from "./range_source.ts";
import { retryAfter, UnreachableError, withRetries } from "./retry.ts";

/** Most bytes of a file that is kept in memory. */
const MAX_SIZE = 2 ** 31;

/**
 * Opens a file of a web server, to which no token is sent. If the server supports that, only the ranges that are read are
 * requested; otherwise the whole file is kept in memory. No hash is known that could be checked.
 *
 * @throws {HubError} if the server cannot be reached, refuses the file, or it is too large
 */
export async function openUrl(url: URL, { onProgress, ...access }: HubAccess): Promise<ByteSource> {
  const name = withoutQuery(url);
  const connection = await connectTo(name, "load", "main", { ...access, token: "", hubUrl: url.origin });
  const onStep = stepReporter(name, onProgress);
  return await withRetries(async () => {
    const headers = { "accept-encoding": "identity", range: "bytes=0-0" };
    const { response } = await connection.send(url.href, { headers });
    const { size } = rangeOf(response);
    if (response.status === 206 && size !== undefined) {
      await response.body?.cancel();
      const file = { path: url.pathname, url: url.href, size, etag: "", algorithm: "sha256", isXet: false } as const;
      return rangeSource(file, { connection, commit: "main", onStep });
    }
    if (response.status !== 200) throw await refusalOf(response, name);
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

async function refusalOf(response: Response, name: string): Promise<HubError> {
  await response.body?.cancel();
  const { status, headers } = response;
  const message = `Cannot load ${name}: the server refused it (status ${status})`;
  const isTemporary = status === 429 || status >= 500;
  if (isTemporary) return new UnreachableError(message, { status, url: name, retryAfter: retryAfter(headers) });
  return new HubError(message, { status, url: name });
}

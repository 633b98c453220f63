/**
 * Random access to the bytes of a file of a repository, by requests for ranges.
 *
 * @module
 */

import { bytesFrom } from "./body.ts";
import { allocate, type ByteSource, type Span } from "../formats/byte_source.ts";
import type { DownloadOptions } from "./download.ts";
import { HubError } from "../errors.ts";
import type { RemoteFile } from "./resolve.ts";
import { UnreachableError, withRetries } from "./retry.ts";

/** Bytes that are requested for a smaller read: next to a header there are more. */
const READ_AHEAD = 64 * 1024;
/** Spans at most so many bytes apart are requested together: a request takes as long as that many bytes. */
const MAX_GAP = 64 * 1024;
/** Spans are joined to pieces of at most so many bytes. */
const MAX_PIECE_SIZE = 16 * 2 ** 20;

/** A span that one request asks for, and its bytes once they are needed. */
interface Piece extends Span {
  bytes?: Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * A source over a file of a commit, of which only the ranges that are read are requested, with retries. Nothing is written to
 * the cache, and since a hash needs the whole file, none is checked: TLS alone protects the bytes.
 *
 * Neighbouring spans that {@linkcode ByteSource.expect} announces are requested together, and kept until the source is
 * closed: in memory are at most the announced bytes and the gaps between them.
 */
export function rangeSource(file: RemoteFile, { connection, commit, onStep }: DownloadOptions): ByteSource {
  const name = file.url === undefined ? `${connection.repo}/${file.path}` : connection.repo;
  const { path, size } = file;
  let pieces: Piece[] = [];
  let ahead: Piece = { begin: 0, end: 0 };
  let loaded = 0;

  async function request({ begin, end }: Span): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = allocate({ name, size }, begin, end - begin);
    let done = 0;
    await withRetries(async (progressed) => {
      for await (const chunk of bytesFrom(file, begin + done, connection, commit, end)) {
        if (done + chunk.length > bytes.length) {
          throw new HubError(`Cannot load ${name}: expected ${bytes.length} bytes from ${begin} on, found more`);
        }
        bytes.set(chunk, done);
        done += chunk.length;
        loaded += chunk.length;
        progressed();
        onStep({ status: "progress", file: path, loaded, total: size });
      }
      if (done < bytes.length) {
        throw new UnreachableError(`Cannot load ${name}: the connection ended after ${done} of ${bytes.length} bytes`);
      }
    }, { signal: connection.signal });
    return bytes;
  }

  return {
    name,
    size,
    async read(offset, length) {
      const span = { begin: offset, end: offset + length };
      let piece = [...pieces, ahead].find(({ begin, end }) => begin <= span.begin && span.end <= end);
      if (!piece) {
        if (length > READ_AHEAD || span.end > size) return await request(span);
        piece = ahead = { begin: offset, end: Math.min(offset + READ_AHEAD, size) };
      }
      const { begin } = piece;
      const bytes = await (piece.bytes ??= request(piece));
      return bytes.slice(span.begin - begin, span.end - begin);
    },
    expect(spans) {
      pieces = joined(spans);
    },
    close() {
      pieces = [];
      ahead = { begin: 0, end: 0 };
      return Promise.resolve();
    },
  };
}

/** Joins spans that are close to each other. */
function joined(spans: readonly Span[]): Piece[] {
  const pieces: { begin: number; end: number }[] = [];
  for (const { begin, end } of spans.toSorted((a, b) => a.begin - b.begin)) {
    const last = pieces.at(-1);
    const isNear = last && begin <= last.end + MAX_GAP && end - last.begin <= MAX_PIECE_SIZE;
    if (isNear || last && begin < last.end) last.end = Math.max(last.end, end);
    else pieces.push({ begin, end });
  }
  return pieces;
}

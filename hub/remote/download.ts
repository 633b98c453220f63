/**
 * Downloads files of a repository into memory, or to where the caller writes them.
 *
 * @module
 */

import { bytesFrom, WrongBytesError } from "./body.ts";
import { type ByteSource, sourceOfBytes } from "../formats/byte_source.ts";
import type { Connection } from "./connection.ts";
import { HubError } from "../errors.ts";
import type { Step } from "./progress.ts";
import type { RemoteFile } from "./resolve.ts";
import { UnreachableError, withRetries } from "./retry.ts";
import { verify } from "./verify.ts";

/** The source of files, and a callback for progress. */
export interface DownloadOptions {
  readonly connection: Connection;
  readonly commit: string;
  readonly onStep: (step: Step) => void;
}

/** A destination of bytes, in order. */
export interface Sink {
  /** Number of bytes so far. */
  size: number;
  write(chunk: Uint8Array<ArrayBuffer>): Promise<void> | void;
}

/**
 * Downloads a file into memory.
 *
 * @throws {HubError} if the file cannot be downloaded
 */
export async function downloadToMemory(file: RemoteFile, options: DownloadOptions): Promise<ByteSource> {
  const { repo, signal } = options.connection;
  const bytes = allocate(file, repo);
  await fill(
    {
      size: 0,
      write(chunk) {
        bytes.set(chunk, this.size);
        this.size += chunk.length;
      },
    },
    file,
    options,
  );
  const source = sourceOfBytes(bytes, `${repo}/${file.path}`);
  await verify(source, file, repo, signal);
  return source;
}

/** Downloads the rest of a file into a sink, with retries when the connection breaks. */
export async function fill(
  sink: Sink,
  file: RemoteFile,
  { connection, commit, onStep }: DownloadOptions,
): Promise<void> {
  const { repo, signal } = connection;
  const report = (status: "download" | "progress") =>
    onStep({ status, file: file.path, loaded: sink.size, total: file.size });

  report("download");
  await withRetries(async (progressed) => {
    if (sink.size === file.size) return;
    for await (const chunk of bytesFrom(file, sink.size, connection, commit)) {
      if (sink.size + chunk.length > file.size) {
        throw new WrongBytesError(
          `Cannot load ${file.path} of ${repo}: expected ${file.size} bytes, the server has more`,
        );
      }
      await sink.write(chunk);
      progressed();
      report("progress");
    }
    if (sink.size < file.size) {
      throw new UnreachableError(
        `Cannot load ${file.path} of ${repo}: the connection ended after ${sink.size} of ${file.size} bytes`,
      );
    }
  }, { signal });
}

function allocate({ path, size }: RemoteFile, repo: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw new HubError(
      `Cannot load ${path} of ${repo}: there is no cache to write to, and not enough memory for its ${size} bytes. ` +
        "Allow writing to the cache, or pass cacheDir",
      { cause },
    );
  }
}

/**
 * Whether bytes are those that were asked for.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { WrongBytesError } from "./body.ts";
import { type ByteSource, openFile } from "../formats/byte_source.ts";
import type { RemoteFile } from "./resolve.ts";

const PIECE = 4 * 2 ** 20;

/** What a file's bytes are checked against. */
export type Fingerprint = Pick<RemoteFile, "etag" | "algorithm">;

/** The hashes of files that this process has read, by what tells whether they are still the same. */
const known = new Map<string, string>();

/**
 * Checks all bytes of a source.
 *
 * @throws {WrongBytesError} if they are not the file's
 */
export async function verify(source: ByteSource, file: RemoteFile, repo: string, signal?: AbortSignal): Promise<void> {
  checkHash(await hashOf(source, file.algorithm, signal), file, repo);
}

/**
 * Checks all bytes of a file on this machine.
 *
 * @throws {WrongBytesError} if they are not those of the file in the repository
 */
export async function verifyFile(path: string, file: RemoteFile, repo: string, signal?: AbortSignal): Promise<void> {
  checkHash(await hashOfFile(path, file.algorithm, signal), file, repo);
}

/** Whether there is a file whose bytes are right. They are read once, unless the file changes. */
export async function isIntact(path: string, { etag, algorithm }: Fingerprint, signal?: AbortSignal): Promise<boolean> {
  const isFile = await stat(path).then((found) => found.isFile(), () => false);
  return isFile && await hashOfFile(path, algorithm, signal) === etag;
}

function checkHash(found: string, { path, etag, algorithm }: RemoteFile, repo: string): void {
  if (found === etag) return;
  throw new WrongBytesError(
    `Cannot use ${path} of ${repo}: expected ${algorithm} ${etag}, found ${found}. It was damaged on the way, and ` +
      "nothing of it is kept: try again",
  );
}

async function hashOfFile(path: string, algorithm: Fingerprint["algorithm"], signal?: AbortSignal): Promise<string> {
  const { dev, ino, size, mtimeMs } = await stat(path);
  const key = [algorithm, dev, ino, size, mtimeMs].join(" ");
  const hash = known.get(key) ?? await readHash(path, algorithm, signal);
  known.set(key, hash);
  return hash;
}

async function readHash(path: string, algorithm: Fingerprint["algorithm"], signal?: AbortSignal): Promise<string> {
  const source = await openFile(path);
  try {
    return await hashOf(source, algorithm, signal);
  } finally {
    await source.close();
  }
}

/** The hash of all bytes of a source, read in pieces. */
async function hashOf(source: ByteSource, algorithm: Fingerprint["algorithm"], signal?: AbortSignal): Promise<string> {
  const hash = algorithm === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${source.size}\0`); // as git names a file's content
  for (let at = 0; at < source.size; at += PIECE) {
    signal?.throwIfAborted();
    hash.update(await source.read(at, Math.min(PIECE, source.size - at)));
  }
  return hash.digest("hex");
}

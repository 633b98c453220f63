/**
 * Checks the hashes of files.
 *
 * @module
 */

import { stat } from "../system/files.ts";
import { WrongBytesError } from "./body.ts";
import { type ByteSource, openFile } from "../formats/byte_source.ts";
import type { RemoteFile } from "./resolve.ts";
import { type Hash, startHash } from "../system/hash.ts";

/** Bytes that are read and hashed at once. */
const CHUNK_SIZE = 4 * 2 ** 20;

/** The expected hash of a file. */
export type Fingerprint = Pick<RemoteFile, "etag" | "algorithm">;

/** Hashes of files that this process has read, by device, inode, size and time of modification. */
const known = new Map<string, string>();

/**
 * Checks the hash of a source.
 *
 * @throws {WrongBytesError} if it is not that of the file in the repository
 */
export async function verify(source: ByteSource, file: RemoteFile, repo: string, signal?: AbortSignal): Promise<void> {
  checkHash(await hashOf(source, file.algorithm, signal), file, repo);
}

/**
 * Checks the hash of a local file.
 *
 * @throws {WrongBytesError} if it is not that of the file in the repository
 */
export async function verifyFile(path: string, file: RemoteFile, repo: string, signal?: AbortSignal): Promise<void> {
  checkHash(await hashOfFile(path, file.algorithm, signal), file, repo);
}

/** Whether a file exists and has the right hash. It is read once, unless it changes. */
export async function isIntact(path: string, { etag, algorithm }: Fingerprint, signal?: AbortSignal): Promise<boolean> {
  const isFile = await stat(path).then((found) => found.isFile(), () => false);
  return isFile && await hashOfFile(path, algorithm, signal) === etag;
}

/**
 * Compares the hash of a file with that of the file in the repository.
 *
 * @throws {WrongBytesError} if they differ
 */
export function checkHash(found: string, { path, etag, algorithm }: RemoteFile, repo: string): void {
  if (found === etag) return;
  throw new WrongBytesError(
    `Cannot use ${path} of ${repo}: expected ${algorithm} ${etag}, found ${found}. It was damaged in transit and ` +
      "discarded: try again",
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

/** The hash of a source, read in chunks. */
async function hashOf(source: ByteSource, algorithm: Fingerprint["algorithm"], signal?: AbortSignal): Promise<string> {
  const hash = await startFileHash(algorithm, source.size);
  for (let at = 0; at < source.size; at += CHUNK_SIZE) {
    signal?.throwIfAborted();
    hash.update(await source.read(at, Math.min(CHUNK_SIZE, source.size - at)));
  }
  return hash.hex();
}

/** Starts the hash of a file of this size. */
export async function startFileHash(algorithm: Fingerprint["algorithm"], size: number): Promise<Hash> {
  const hash = await startHash(algorithm === "sha256" ? "sha256" : "sha1");
  if (algorithm === "git-sha1") hash.update(new TextEncoder().encode(`blob ${size}\0`)); // git's hash of a blob
  return hash;
}

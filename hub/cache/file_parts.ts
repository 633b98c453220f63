/**
 * Files that are stored in parts, so that an interrupted download can be continued: browsers replace a file as a whole or not
 * at all. A part is a file `OFFSET-HASH`, whose hash WebCrypto checks much faster than code here could check that of the
 * whole file.
 *
 * @module
 */

import { sha256Of } from "../system/hash.ts";
import type { BrowserFiles } from "./browser_files.ts";

/** Bytes of a part, but for the last one and those at which a download was interrupted. */
export const PART_SIZE = 8 * 2 ** 20;

/** A part, whose content is not read yet. */
interface Part {
  readonly content: File;
  readonly hash: string;
}

/** Parts from the beginning of a file on, without gaps. */
export interface Parts {
  /** Bytes of all of them. */
  readonly size: number;
  readonly list: readonly Part[];
}

/** Finds the parts of a file; none if there is no such folder. */
export async function findParts(files: BrowserFiles, folder: string): Promise<Parts> {
  const named = (await files.filesIn(folder)).flatMap((content) => {
    const [, begin, hash] = /^(\d+)-([0-9a-f]{64})$/.exec(content.name) ?? [];
    return hash === undefined ? [] : [{ content, hash, begin: Number(begin) }];
  });
  const list: Part[] = [];
  let size = 0;
  for (const { content, hash, begin } of named.sort((a, b) => a.begin - b.begin)) {
    if (begin !== size || content.size === 0) continue; // an empty one was being written when its page ended
    list.push({ content, hash });
    size += content.size;
  }
  return { size, list };
}

/** Writes a part. */
export async function writePart(
  files: BrowserFiles,
  folder: string,
  begin: number,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  await files.write(`${folder}/${begin}-${await sha256Of(bytes)}`, bytes);
}

/** The bytes of each part, in order; `undefined` for those of a damaged one. */
export async function* readParts({ list }: Parts, signal?: AbortSignal): AsyncGenerator<Uint8Array | undefined> {
  for (const { content, hash } of list) {
    signal?.throwIfAborted();
    const bytes = await content.arrayBuffer().then((buffer) => new Uint8Array(buffer), () => undefined);
    yield bytes && await sha256Of(bytes) === hash ? bytes : undefined;
  }
}

/** Whether no part is damaged. */
export async function areIntact(parts: Parts, signal?: AbortSignal): Promise<boolean> {
  for await (const bytes of readParts(parts, signal)) if (!bytes) return false;
  return true;
}

/** All parts as one, which is not read yet. */
export function joinParts({ list }: Parts): Blob {
  return new Blob(list.map(({ content }) => content));
}

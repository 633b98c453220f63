/**
 * Shards of loose picture files.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { type HubAccess, streamUrl } from "../../hub/mod.ts";
import { concatBytes } from "../formats/byte_stream.ts";
import { checkPictureSize, splitName } from "../formats/names.ts";
import type { DatasetPicture, DatasetShard } from "../types.ts";
import { type InputFile, isUrl } from "./input_file.ts";
import { makeUnique } from "./unique_names.ts";

/** Files that are read ahead: reading one must not wait for the one before. */
const AHEAD = 8;

/** Divides pictures into shards of `size`, in their order. */
export function shardsOfFiles(
  files: readonly InputFile[],
  { size, prefix, access }: { size: number; prefix: string; access: HubAccess },
): DatasetShard[] {
  const keys = keysOf(files);
  const starts = Array.from({ length: Math.ceil(files.length / size) }, (_, i) => i * size);
  return starts.map((start, i) => {
    const part = files.slice(start, start + size);
    const partKeys = keys.slice(start, start + size);
    return {
      name: `${prefix}${`${i}`.padStart(6, "0")}`,
      pictures: part.length,
      fingerprint: createHash("sha256").update(JSON.stringify(partKeys)).digest("hex"),
      open: (signal) => picturesOf(part, partKeys, { ...access, signal: signal ?? access.signal }),
    };
  });
}

/** The keys of files: their names without extension, and with the folder's name in front if several were named. */
function keysOf(files: readonly InputFile[]): string[] {
  const folders = new Set(files.map(({ folder }) => folder).filter((folder) => folder !== undefined));
  return makeUnique(files.map(({ name, folder }) => {
    const { key } = splitName(name);
    return folders.size > 1 && folder !== undefined ? `${basename(folder)}/${key}` : key;
  }));
}

async function* picturesOf(
  files: readonly InputFile[],
  keys: readonly string[],
  access: HubAccess,
): AsyncGenerator<DatasetPicture> {
  const ahead: Promise<Uint8Array<ArrayBuffer>>[] = [];
  for (const [i, { address }] of files.entries()) {
    while (ahead.length < AHEAD && i + ahead.length < files.length) {
      const bytes = read(files[i + ahead.length].address, access);
      bytes.catch(() => {}); // reported by the picture
      ahead.push(bytes);
    }
    const bytes = ahead.shift()!;
    yield { key: keys[i], name: address, bytes: () => bytes };
  }
}

async function read(address: string, access: HubAccess): Promise<Uint8Array<ArrayBuffer>> {
  if (!isUrl(address)) {
    checkPictureSize((await stat(address)).size);
    return new Uint8Array(await readFile(address, { signal: access.signal }));
  }
  if (/^(data|blob):/i.test(address)) return new Uint8Array(await (await fetch(address)).arrayBuffer());
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of streamUrl(address, access)) {
    size += part.length;
    checkPictureSize(size);
    parts.push(part);
  }
  return concatBytes(parts);
}

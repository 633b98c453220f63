/**
 * The names of pictures' files, for keys that may be any text.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { uniqueTexts } from "../formats/unique_keys.ts";

/** Most bytes of a part of a path, so that an ending and a number have room in the 255 bytes that file systems take. */
const MAX_PART_BYTES = 230;
/** Most bytes of a path, which has room in the 4096 bytes that systems take. */
const MAX_PATH_BYTES = 2000;
/** Devices of Windows, which are no names of files there, whatever the extension. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
/** Files and folders beside the pictures. */
const OWN = /^(manifest\.json|failures\.jsonl|\.unfinished)$/i;

/**
 * Makes a function that gives keys names of files without extension, which are the same each time. What a name cannot have on
 * some system, or what would lead out of the folder, becomes `_`; a part that is too long ends in its hash. Names that differ
 * at most in case were the same on some disks: later ones end in `-2`, `-3`, ….
 */
export function pictureNames(): (key: string) => string {
  const unique = uniqueTexts((name) => name.normalize("NFC").toLowerCase());
  return (key) => {
    const parts = key.toWellFormed().split("/");
    const names = parts.map((part, i) => i < parts.length - 1 ? folderName(part) : fileName(part));
    const path = names.join("/");
    return unique(isLonger(path, MAX_PATH_BYTES) ? shortened(names.join("_"), key) : path);
  };
}

function folderName(part: string): string {
  const name = fileName(part).replace(/[. ]$/, "_");
  return OWN.test(name) || /\.png$/i.test(name) ? `${name}_` : name; // no other file has that name
}

function fileName(part: string): string {
  if (/^\.{0,2}$/.test(part)) return "_".repeat(Math.max(1, part.length));
  // deno-lint-ignore no-control-regex -- control characters act on terminals
  const name = part.replaceAll(/[\\:*?"<>|\0-\x1f\x7f]/g, "_");
  return shortened(DEVICE.test(name) ? `_${name}` : name, part);
}

/** A name that is as long as allowed; of longer texts, the beginning and the hash. */
function shortened(name: string, text: string): string {
  if (!isLonger(name, MAX_PART_BYTES)) return name;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
  const room = new TextEncoder().encode(name).subarray(0, MAX_PART_BYTES - 1 - hash.length);
  return `${new TextDecoder().decode(room, { stream: true })}-${hash}`; // without half a letter at the end
}

function isLonger(text: string, bytes: number): boolean {
  return new TextEncoder().encode(text).length > bytes;
}

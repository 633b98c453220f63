/**
 * Determines the format of a token file, by its name or its bytes.
 *
 * @module
 */

import { isNpy, readZipDirectory } from "../../hub/mod.ts";
import { show } from "../../hub/show.ts";
import type { TokenFile } from "./stored.ts";

/** The formats of token files. */
export type TokenFormat = "json" | "npy" | "npz" | "safetensors" | "pt";

const EXTENSIONS: Readonly<Record<string, TokenFormat>> = {
  ".json": "json",
  ".npy": "npy",
  ".npz": "npz",
  ".safetensors": "safetensors",
  ".pt": "pt",
  ".pth": "pt",
};

/** The extension of a file's name in lower case, with its dot; empty if there is none. */
export function extensionOf(path: string | URL): string {
  const name = path instanceof URL ? path.pathname : path;
  return /[^/\\](\.[^./\\]*)$/.exec(name)?.[1].toLowerCase() ?? "";
}

/**
 * The format of a token file, by its extension.
 *
 * @throws {TypeError} if it is not an extension of token files
 */
export function tokenFormatOf(path: string | URL): TokenFormat {
  const extension = extensionOf(path);
  if (Object.hasOwn(EXTENSIONS, extension)) return EXTENSIONS[extension];
  const known = Object.keys(EXTENSIONS).join(", ");
  throw new TypeError(`Cannot tell the format of tokens: expected a name ending in ${known}, found ${show(`${path}`)}`);
}

/** The format of a token file, by its bytes. */
export async function detectFormat({ source, task }: TokenFile): Promise<TokenFormat> {
  const start = await source.read(0, Math.min(256, source.size));
  const textAt = (offset: number, length: number) => String.fromCharCode(...start.subarray(offset, offset + length));
  if (isNpy(start)) return "npy";
  if (textAt(0, 4) === "PK\x03\x04") {
    const entries = [...(await readZipDirectory(source)).keys()];
    return entries.some((name) => name.endsWith("/data.pkl")) ? "pt" : "npz";
  }
  if (textAt(8, 1) === "{" && textAt(6, 2) === "\0\0") return "safetensors"; // the length of the header, in eight bytes, is below 2^48
  if (start[0] === 0x80) return "pt"; // a pickle, as torch wrote before 1.6
  if (/^(\xef\xbb\xbf)?\s*[[{]/.test(textAt(0, 256))) return "json";
  throw new TypeError(`${task}: expected JSON, .npy, .npz, .safetensors or a file of torch, found other bytes`);
}

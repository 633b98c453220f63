/**
 * Tokens in numpy's `.npz` files: zip archives of `.npy` files.
 *
 * @module
 */

import { zipSync } from "fflate";
import { encodeNpyTexts, type IntegerDType, readZipDirectory, readZipEntry, sourceOfBytes } from "../../hub/mod.ts";
import { decodeNpy, decodeNpyText, encodeNpy } from "./npy.ts";
import { checkUnpacked, chooseArray, codebookOf, STORED, type StoredTokens, type TokenFile } from "./stored.ts";
import type { Tokens } from "./tokens.ts";

const SUFFIX = ".npy";

/** Encodes tokens as an array `indices`, with texts `model` and `codebook`. */
export function encodeNpz(tokens: Tokens, dtype: IntegerDType): Uint8Array<ArrayBuffer> {
  const { model, hash } = tokens.codebook ?? {};
  return zipSync({
    "indices.npy": encodeNpy(tokens, dtype),
    ...(model && { "model.npy": encodeNpyTexts(model) }),
    ...(hash && { "codebook.npy": encodeNpyTexts(hash) }),
  }, STORED);
}

/** Reads tokens from a file; {@linkcode chooseArray} says from which array. */
export async function decodeNpz({ bytes, task }: TokenFile): Promise<StoredTokens> {
  const source = sourceOfBytes(bytes, "the archive");
  const entries = await readZipDirectory(source);
  const arrays = [...entries.keys()].filter((name) => name.endsWith(SUFFIX)).map((name) =>
    name.slice(0, -SUFFIX.length)
  );
  const read = async (name: string) => {
    const entry = entries.get(`${name}${SUFFIX}`)!;
    checkUnpacked(entry.name, entry.size, { archive: source.size, task });
    return await readZipEntry(source, entry);
  };
  const text = async (name: string) => arrays.includes(name) ? decodeNpyText(await read(name), task) : undefined;

  const tokens = decodeNpy({ bytes: await read(chooseArray(arrays, task)), task });
  return { ...tokens, codebook: codebookOf(await text("codebook"), await text("model")) };
}

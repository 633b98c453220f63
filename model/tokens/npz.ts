/**
 * Tokens in numpy's `.npz` files: zip archives of `.npy` files.
 *
 * @module
 */

import { zipSync } from "fflate";
import { encodeNpyTexts, type IntegerDType, readZipDirectory, readZipEntry, sourceOfBytes } from "../../hub/mod.ts";
import { decodeTexts, encodeNpy, openNpy } from "./npy.ts";
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

/** Opens the tokens of a file; {@linkcode chooseArray} says from which array. They are unpacked into memory. */
export async function openNpz({ source, task }: TokenFile): Promise<StoredTokens> {
  const entries = await readZipDirectory(source);
  const arrays = [...entries.keys()].filter((name) => name.endsWith(SUFFIX)).map((name) =>
    name.slice(0, -SUFFIX.length)
  );
  const read = async (name: string) => {
    const entry = entries.get(`${name}${SUFFIX}`)!;
    checkUnpacked(entry.name, entry.size, { archive: source.size, task });
    return await readZipEntry(source, entry);
  };
  const texts = async (name: string) => arrays.includes(name) ? decodeTexts(await read(name), task) : undefined;

  const array = await read(chooseArray(arrays, task));
  const tokens = await openNpy({ source: sourceOfBytes(array, "the array"), task });
  const [hash, model, keys] = [await texts("codebook"), await texts("model"), await texts("keys")];
  return { ...tokens, codebook: codebookOf(hash?.[0], model?.[0]), keys };
}

/**
 * Tokens in safetensors files.
 *
 * @module
 */

import {
  bytesToIntegers,
  encodeSafetensorsHeader,
  INTEGER_TYPES,
  type IntegerDType,
  integersToBytes,
  integerType,
  readSafetensorsHeader,
} from "../../hub/mod.ts";
import { chooseArray, codebookOf, type StoredTokens, type TokenFile } from "./stored.ts";
import type { Tokens } from "./tokens.ts";

/** Encodes tokens as a tensor `indices`, with model and codebook in the header's `__metadata__`. */
export function encodeSafetensors({ indices, shape, codebook }: Tokens, dtype: IntegerDType): Uint8Array<ArrayBuffer> {
  const { model, hash } = codebook ?? {};
  const metadata = { format: "pt", ...(model && { model }), ...(hash && { codebook: hash }) };
  const header = encodeSafetensorsHeader(
    [{ name: "indices", dtype: INTEGER_TYPES[dtype].safetensors, shape }],
    metadata,
  );
  const data = integersToBytes(indices, dtype);
  const file = new Uint8Array(header.length + data.length);
  file.set(header);
  file.set(data, header.length);
  return file;
}

/** Opens the tokens of a file; {@linkcode chooseArray} says from which tensor. */
export async function openSafetensorsTokens({ source, task }: TokenFile): Promise<StoredTokens> {
  const { tensors, metadata, dataStart } = await readSafetensorsHeader(source);
  const { dtype, shape, begin: start } = tensors.get(chooseArray([...tensors.keys()], task))!;
  const type = integerType("safetensors", dtype);
  if (!type) throw new TypeError(`${task}: expected integers, found elements of type ${dtype}`);
  const { bytes } = INTEGER_TYPES[type];
  return {
    shape,
    dtype: type,
    codebook: codebookOf(metadata.codebook, metadata.model),
    keys: keysOf(metadata.keys),
    async read(begin, end) {
      const data = await source.read(dataStart + start + begin * bytes, (end - begin) * bytes);
      return bytesToIntegers(data, type, { task });
    },
  };
}

/** The names of the pictures, which are a JSON list. */
function keysOf(text: unknown): unknown {
  try {
    return typeof text === "string" ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Tokens in files of `torch.save`.
 *
 * @module
 */

import { zipSync } from "fflate";
import {
  bytesToIntegers,
  INTEGER_TYPES,
  type IntegerDType,
  integersToBytes,
  integerType,
  readTorch,
  TorchTensor,
  toRowMajor,
} from "../../hub/mod.ts";
import { show } from "../../hub/show.ts";
import {
  checkUnpacked,
  chooseArray,
  codebookOf,
  STORED,
  storedInMemory,
  type StoredTokens,
  type TokenFile,
} from "./stored.ts";
import type { Tokens } from "./tokens.ts";

/** Longest pickle in bytes. Descriptions of a few tensors are far shorter. */
const MAX_PICKLE_BYTES = 256 * 1024;
/** Most elements of a tensor that repeats stored ones by strides of 0, 16 MiB of them. */
const MAX_REPEATED_ELEMENTS = 2 ** 22;

/**
 * Encodes tokens as `{"indices": tensor, "model": …, "codebook": …}`, which every version of torch since 1.6 loads, also
 * with `weights_only`.
 */
export function encodeTorch(tokens: Tokens, dtype: IntegerDType): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder();
  return zipSync({
    "archive/data.pkl": pickle(tokens, storageOf(dtype)),
    "archive/byteorder": text.encode("little"),
    "archive/data/0": integersToBytes(tokens.indices, dtype),
    "archive/version": text.encode("3\n"),
  }, STORED);
}

function storageOf(dtype: IntegerDType): string {
  const { torch } = INTEGER_TYPES[dtype];
  if (torch) return torch;
  const known = Object.entries(INTEGER_TYPES).flatMap(([name, { torch }]) => torch ? [name] : []);
  throw new TypeError(`Cannot write tokens: a torch file takes ${known.join(", ")}, found dtype ${dtype}`);
}

/** The dictionary as a Python pickle of protocol 2. */
function pickle({ indices, shape: [n, h, w], codebook }: Tokens, storage: string): Uint8Array<ArrayBuffer> {
  const u32 = (value: number) => String.fromCharCode(...[0, 8, 16, 24].map((bits) => value >>> bits & 255));
  const int = (value: number) => `J${u32(value)}`;
  const text = (value: string) => {
    const utf8 = String.fromCharCode(...new TextEncoder().encode(value));
    return `X${u32(utf8.length)}${utf8}`;
  };
  const memory = `(${text("storage")}ctorch\n${storage}\n${text("0")}${text("cpu")}${int(indices.length)}tQ`;
  const noHooks = "ccollections\nOrderedDict\n)R";
  const sides = `(${int(n)}${int(h)}${int(w)}t(${int(h * w)}${int(w)}${int(1)}t`;
  const tensor = `ctorch._utils\n_rebuild_tensor_v2\n(${memory}${int(0)}${sides}\x89${noHooks}tR`;
  const { model, hash } = codebook ?? {};
  const items = [text("indices"), tensor, ...named("model", model), ...named("codebook", hash)].join("");
  return Uint8Array.from(`\x80\x02}(${items}u.`, (character) => character.charCodeAt(0));

  function named(name: string, value: string | undefined): string[] {
    return value === undefined ? [] : [text(name), text(value)];
  }
}

/** Reads tokens from a file with a tensor or a dictionary; {@linkcode chooseArray} says from which entry. */
export async function openTorchTokens({ source, task }: TokenFile): Promise<StoredTokens> {
  const { value, read } = await readTorch(source, MAX_PICKLE_BYTES);
  const tensor = chooseTensor(value, task);
  const dtype = typeOf(tensor);
  if (!dtype) throw new TypeError(`${task}: expected integers, found elements of type ${tensor.storage.dtype}`);

  const count = tensor.shape.reduce((product, side) => product * side, 1);
  if (count > Math.max(tensor.storage.length, MAX_REPEATED_ELEMENTS)) {
    throw new RangeError(
      `${task}: a tensor of shape ${show(tensor.shape)} repeats only ${tensor.storage.length} stored elements`,
    );
  }
  checkUnpacked("its storage", tensor.storage.length * INTEGER_TYPES[dtype].bytes, { archive: source.size, task });
  const values = bytesToIntegers(await read(tensor), dtype, { task });
  const fields = value instanceof Map ? value : new Map();
  return {
    read: storedInMemory(toRowMajor(values, tensor)),
    shape: tensor.shape,
    dtype,
    codebook: codebookOf(fields.get("codebook"), fields.get("model")),
  };
}

function chooseTensor(value: unknown, task: string): TorchTensor {
  if (value instanceof TorchTensor) return value;
  if (!(value instanceof Map)) throw new TypeError(`${task}: expected a tensor, or a dictionary with one`);
  const tensors = [...value].filter(([name, item]) =>
    typeof name === "string" && item instanceof TorchTensor && typeOf(item)
  );
  return value.get(chooseArray(tensors.map(([name]) => name), task));
}

function typeOf({ storage }: TorchTensor) {
  return integerType("safetensors", storage.dtype);
}

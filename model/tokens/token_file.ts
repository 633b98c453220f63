/**
 * Reads and writes token files, also those of other programs.
 *
 * @module
 */

import {
  type ByteSource,
  checkOptions,
  INTEGER_TYPES,
  type IntegerDType,
  type OptionNames,
  readBytes,
  saveFile,
  sourceOfBytes,
  WeightsError,
} from "../../hub/mod.ts";
import { show, showText } from "../../hub/show.ts";
import { detectFormat, extensionOf, type TokenFormat, tokenFormatOf } from "./formats.ts";
import { checkOnePicture, layOut } from "./indices.ts";
import { encodeJson, openJson } from "./json.ts";
import { encodeNpy, openNpy } from "./npy.ts";
import { encodeNpz, openNpz } from "./npz.ts";
import { encodeSafetensors, openSafetensorsTokens } from "./safetensors.ts";
import type { StoredTokens, TokenFile } from "./stored.ts";
import { type Tokens, type TokensLike, toTokens } from "./tokens.ts";
import { encodeTorch, openTorchTokens } from "./torch.ts";

/** Options of {@linkcode encodeTokens} and {@linkcode saveTokens}. */
export interface EncodeTokensOptions {
  /**
   * The type of the stored numbers. Default: the smallest type for all indices of `tokens.codebook`, and for `"pt"` one
   * that every version of torch has; int32 if `tokens.codebook.codes` is unknown. JSON has no types.
   */
  dtype?: IntegerDType;
  /** Size in pixels of the tokenized pictures. Only JSON stores it, as a note. */
  picture?: { readonly width: number; readonly height: number };
}

/** Options of {@linkcode decodeTokens} and {@linkcode readTokens}. */
export interface DecodeTokensOptions {
  /** The file's format. Default: by its extension, if it has one, else by its bytes. */
  format?: TokenFormat;
  /** Rows and columns of each picture, for files with tokens of shape `[n, h * w]` or `[h * w]`. */
  grid?: readonly [h: number, w: number];
  /** Whether the file holds one picture, so that an array of two dimensions is its grid. Default: as its sides suggest. */
  isOne?: boolean;
  /** The name of the file in messages. */
  name?: string;
}

const ENCODE_OPTIONS: OptionNames<EncodeTokensOptions> = { dtype: true, picture: true };
const DECODE_OPTIONS: OptionNames<DecodeTokensOptions> = { format: true, grid: true, isOne: true, name: true };

/** A token file: its path or `file:` URL, its bytes, or a `Blob` of them. */
export type TokenSource = string | URL | Blob | Uint8Array | ArrayBuffer;

/** Encoders by format, except JSON, which has no types. */
const ENCODERS = { npy: encodeNpy, npz: encodeNpz, safetensors: encodeSafetensors, pt: encodeTorch } as const;

/** Functions that open files, by format. */
const OPENERS: Readonly<Record<TokenFormat, (file: TokenFile) => Promise<StoredTokens>>> = {
  json: openJson,
  npy: openNpy,
  npz: openNpz,
  safetensors: openSafetensorsTokens,
  pt: openTorchTokens,
};

/**
 * Encodes tokens as the bytes of a token file, which Python reads with `json`, `numpy.load`, `safetensors` or `torch.load`
 * (also with `weights_only`). The array is named `indices`. All formats except `"npy"`, which cannot hold them, also store
 * `tokens.codebook` as `model` and `codebook`, if it is there.
 *
 * @throws {TypeError} for an unknown format or option, a dtype that the format does not have, or invalid tokens
 * @throws {RangeError} if the dtype cannot hold an index, or one is not in the codebook
 *
 * @example
 * ```ts
 * import { decodeTokens, encodeTokens, VQModel } from "@codebook/vqmodel";
 * import { assertEquals } from "@std/assert";
 *
 * using model = await VQModel.fromPretrained("examples/models/leaves-f4");
 * const tokens = { indices: Int32Array.of(7, 8), shape: [1, 1, 2], codebook: await model.codebook() } as const;
 *
 * const bytes = encodeTokens(tokens, "npz"); // Python: numpy.load(…)["indices"]
 * const { indices, codebook } = await decodeTokens(bytes);
 * assertEquals(indices, tokens.indices);
 * assertEquals(codebook?.hash, tokens.codebook.hash); // model.detokenize checks it
 * ```
 */
export function encodeTokens(
  tokens: TokensLike,
  format: TokenFormat,
  options: EncodeTokensOptions = {},
): Uint8Array<ArrayBuffer> {
  checkOptions("write tokens", options, ENCODE_OPTIONS);
  const { dtype, picture } = options;
  const codes = tokens?.codebook?.codes;
  const checked = toTokens(tokens, codes ?? 2 ** 31);
  checkFormat(format, "Cannot write tokens");
  if (dtype !== undefined && !Object.hasOwn(INTEGER_TYPES, dtype)) {
    throw new TypeError(
      `Cannot write tokens: expected dtype ${Object.keys(INTEGER_TYPES).join(", ")}, found ${showText(`${dtype}`)}`,
    );
  }
  const type = dtype ?? smallestType(codes, { torch: format === "pt" });
  if (format !== "json") return ENCODERS[format](checked, type);
  if (dtype !== undefined) {
    throw new TypeError(`Cannot write tokens: numbers in JSON have no dtype, found ${showText(dtype)}`);
  }
  return encodeJson(checked, picture);
}

/**
 * Reads a token file: integers of 8 to 64 bits of shape `[n, h, w]` or `[h, w]` or, with `grid`, `[n, h * w]` or
 * `[h * w]`; JSON from {@linkcode encodeTokens}, or nested arrays. Of several arrays, reads the one named `indices`,
 * `tokens` or `arr_0`. Does not check whether the indices are in the codebook of a model; the model does.
 *
 * @throws {TypeError} if the bytes are not a token file, or have no such array; or for an unknown option
 * @throws {RangeError} if a number does not fit 32 bits, `grid` does not fit or is missing, as for two dimensions that may
 * be those of one picture or of flattened ones, or an archive would unpack to far more than its size
 */
export async function decodeTokens(bytes: Uint8Array, options: DecodeTokensOptions = {}): Promise<Tokens> {
  const { shape, codebook, read } = await open(sourceOfBytes(bytes, "the file"), options, { allowEmpty: false });
  return { indices: await read(0, shape[0]), shape, ...(codebook && { codebook }) };
}

/** The tokens of pictures of one size in a file, which are read when they are needed. */
export interface OpenTokens extends Omit<Tokens, "indices"> {
  /** The type of the stored numbers; absent in JSON. */
  readonly dtype?: IntegerDType;
  /** The names of the pictures, if the file has them: in `.npz` an array `keys`, in `.safetensors` a JSON list under `keys`. */
  readonly keys?: readonly string[];
  /**
   * Reads the indices of the pictures from `begin` up to `end`, in batch, row, column order. The formats `"npy"` and
   * `"safetensors"` read no others from the file; the other formats are in memory.
   *
   * @throws {TypeError} if the file is damaged
   * @throws {RangeError} if a number does not fit 32 bits
   */
  read(begin: number, end: number): Promise<Int32Array>;
}

/**
 * Opens a token file, to read a few pictures at a time. See {@linkcode decodeTokens}. An array `[0, h, w]` is one of no
 * pictures. The caller closes `source`.
 *
 * @throws {TypeError} as `decodeTokens` does
 * @throws {RangeError} as `decodeTokens` does
 */
export async function openTokens(source: ByteSource, options: DecodeTokensOptions = {}): Promise<OpenTokens> {
  return await open(source, options, { allowEmpty: true });
}

async function open(
  source: ByteSource,
  options: DecodeTokensOptions,
  { allowEmpty }: { allowEmpty: boolean },
): Promise<OpenTokens> {
  checkOptions("read tokens", options, DECODE_OPTIONS);
  const { format, grid, isOne, name } = options;
  const task = `Cannot read tokens${name === undefined ? "" : ` from ${showText(`${name}`)}`}`;
  if (
    grid && !(Array.isArray(grid) && grid.length === 2 && grid.every((side) => Number.isSafeInteger(side) && side > 0))
  ) {
    throw new RangeError(`${task}: grid must be [h, w], whole numbers ≥ 1, found ${show(grid)}`);
  }
  if (format !== undefined) checkFormat(format, task);
  return await explained(async () => {
    const stored = await OPENERS[format ?? await detectFormat({ source, task })]({ source, task });
    const [pictures, ...sides] = stored.shape;
    const isEmpty = allowEmpty && pictures === 0 && sides.length === 2;
    const shape = isEmpty ? [0, sides[0], sides[1]] as const : layOut(stored.shape, { grid, task });
    if (!grid && !isOne) checkOnePicture(stored.shape, { keys: countOf(stored.keys), task });
    const [n, h, w] = shape;
    const keys = isListOfTexts(stored.keys, n) ? stored.keys : undefined;
    const read = (begin: number, end: number) => explained(() => stored.read(begin * h * w, end * h * w), task);
    const { dtype, codebook } = stored;
    return { shape, read, ...(dtype && { dtype }), ...(codebook && { codebook }), ...(keys && { keys }) };
  }, task);
}

/** Damaged files are errors of the argument, not of a model's weights. */
async function explained<T>(use: () => Promise<T>, task: string): Promise<T> {
  try {
    return await use();
  } catch (cause) {
    if (!(cause instanceof WeightsError)) throw cause;
    throw new TypeError(`${task}: ${cause.message}`, { cause });
  }
}

/** Number of elements, if a value is an array. */
function countOf(value: unknown): number | undefined {
  return Array.isArray(value) ? value.length : undefined;
}

function isListOfTexts(value: unknown, length: number): value is string[] {
  return Array.isArray(value) && value.length === length && value.every((text) => typeof text === "string");
}

/**
 * Writes tokens to a file; the extension (`.json`, `.npy`, `.npz`, `.safetensors`, `.pt`, `.pth`) determines the format.
 * See {@linkcode encodeTokens}. Writes to a temporary file in the same folder and renames it, so that the file is never
 * incomplete. Needs permission to read and write in that folder.
 *
 * @throws {TypeError} for another extension, or if the file cannot be written; and as `encodeTokens` does
 * @throws {RangeError} as `encodeTokens` does
 */
export async function saveTokens(
  tokens: TokensLike,
  path: string | URL,
  options: EncodeTokensOptions = {},
): Promise<void> {
  await saveFile(path, encodeTokens(tokens, tokenFormatOf(path), options), "tokens");
}

/**
 * Reads a token file from a path, a `file:` URL, a `Blob` or bytes. The extension determines the format; without one, the
 * bytes do. See {@linkcode decodeTokens}. A path needs permission to read it.
 *
 * @throws {TypeError} if the file cannot be read, or its extension is unknown; and as `decodeTokens` does
 * @throws {RangeError} as `decodeTokens` does
 */
export async function readTokens(source: TokenSource, options: DecodeTokensOptions = {}): Promise<Tokens> {
  checkOptions("read tokens", options, DECODE_OPTIONS);
  const isPath = typeof source === "string" || source instanceof URL;
  const { name = isPath ? `${source}` : (source as Partial<File>).name } = options;
  const { format = name && extensionOf(name) ? tokenFormatOf(name) : undefined } = options;
  return await decodeTokens(isPath ? await readFile(source) : await bytesOf(source), { ...options, name, format });
}

function checkFormat(format: TokenFormat, task: string): void {
  if (Object.hasOwn(OPENERS, format)) return;
  throw new TypeError(`${task}: expected format ${Object.keys(OPENERS).join(", ")}, found ${show(format)}`);
}

async function bytesOf(source: Blob | Uint8Array | ArrayBuffer): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  throw new TypeError("Cannot read tokens: expected a path, a file: URL, a Blob, or the bytes of a file");
}

/** The bytes of a file. */
async function readFile(path: string | URL): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readBytes(typeof path === "string" && path.startsWith("file:") ? new URL(path) : path);
  } catch (cause) {
    if (cause instanceof Error && cause.name === "NotCapable") throw cause; // says which permission to give
    const reason = showText(cause instanceof Error ? cause.message : String(cause));
    throw new TypeError(
      `Cannot read tokens from ${showText(`${path}`)}: expected the path or file: URL of a file; ${reason}`,
      { cause },
    );
  }
}

/** The smallest type for the indices of a codebook. Torch has no uint16 before version 2.3. */
function smallestType(codes: number | undefined, { torch }: { torch: boolean }): IntegerDType {
  if (codes === undefined) return "int32";
  if (codes <= 2 ** 8) return "uint8";
  if (codes <= (torch ? 2 ** 15 : 2 ** 16)) return torch ? "int16" : "uint16";
  return "int32";
}

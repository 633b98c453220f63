/**
 * Links that reproduce an edit: everything is in the fragment, which browsers do not send to a server.
 *
 * @module
 */

import type { Edit } from "./edits.ts";
import { packIndices, unpackIndices } from "./packing.ts";

/** What a link opens: edits of a sample picture, or tokens. */
export interface Shared {
  /** Name in the list of models, or `"owner/name"` on the Hub. */
  readonly model: string;
  readonly content: SharedEdits | SharedTokens;
}

/** Edits of a picture that everybody has. */
export interface SharedEdits {
  /** Name of the sample picture. */
  readonly picture: string;
  /** Its longer side in pixels. */
  readonly side: number;
  readonly edits: readonly Edit[];
}

/** The tokens themselves. */
export interface SharedTokens {
  readonly rows: number;
  readonly columns: number;
  readonly indices: Int32Array<ArrayBuffer>;
}

/** Characters of a link that some programs cut off. */
export const LONG_LINK = 8000;
/** Characters that not every browser opens. */
export const MAX_LINK = 60_000;
const MAX_TOKENS = 2 ** 20;
const MAX_EDITS_BYTES = 4e6;

/** The fragment of a link, without `#`. */
export async function encodeLink({ model, content }: Shared, codes: number): Promise<string> {
  const fields = new URLSearchParams({ model });
  if ("edits" in content) {
    fields.set("picture", content.picture);
    fields.set("side", `${content.side}`);
    if (content.edits.length > 0) {
      fields.set("edits", await deflate(new TextEncoder().encode(JSON.stringify(content.edits))));
    }
  } else {
    fields.set("grid", `${content.rows}x${content.columns}`);
    fields.set("codes", `${codes}`);
    fields.set("tokens", await deflate(packIndices(content.indices, codes)));
  }
  return `${fields}`;
}

/**
 * Reads the fragment of a link; `undefined` if it is none.
 *
 * @throws {RangeError} if it is damaged
 */
export async function decodeLink(fragment: string): Promise<Shared | undefined> {
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  const model = fields.get("model");
  if (!model) return undefined;
  try {
    return { model, content: fields.has("tokens") ? await readTokens(fields) : await readEdits(fields) };
  } catch (cause) {
    throw new RangeError(`Cannot open the link: ${(cause as Error).message}. Was it cut off?`, { cause });
  }
}

async function readTokens(fields: URLSearchParams): Promise<SharedTokens> {
  const [, rows, columns] = /^(\d{1,5})x(\d{1,5})$/.exec(fields.get("grid") ?? "")?.map(Number) ?? [0, 0, 0];
  const codes = Number(fields.get("codes"));
  if (!(rows > 0 && columns > 0 && rows * columns <= MAX_TOKENS)) throw new RangeError("expected a grid of tokens");
  if (!(Number.isSafeInteger(codes) && codes > 0 && codes <= 2 ** 24)) {
    throw new RangeError("expected a codebook's size");
  }
  const bytes = await inflate(fields.get("tokens")!, 4 * rows * columns);
  return { rows, columns, indices: unpackIndices(bytes, rows * columns, codes) };
}

async function readEdits(fields: URLSearchParams): Promise<SharedEdits> {
  const picture = fields.get("picture") ?? "";
  const side = Number(fields.get("side"));
  if (!/^[\w-]{1,40}$/.test(picture)) throw new RangeError("expected the name of a picture");
  if (!(Number.isSafeInteger(side) && side >= 16 && side <= 4096)) throw new RangeError("expected a picture's side");
  const packed = fields.get("edits");
  const edits = packed ? JSON.parse(new TextDecoder().decode(await inflate(packed, MAX_EDITS_BYTES))) : [];
  if (!Array.isArray(edits) || !edits.every(isEdit)) throw new RangeError("expected a list of edits");
  return { picture, side, edits };
}

/** Whether a value is an edit. Cells and codes beyond the grid and the codebook are refused when it is applied. */
function isEdit(value: unknown): value is Edit {
  const edit = Object(value) as Record<string, unknown>;
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  const areCounts = (value: unknown, length?: number) =>
    Array.isArray(value) && value.every(isCount) && (length === undefined || value.length === length);
  const isShare = Number(edit.percent) >= 0 && Number(edit.percent) <= 100 && Number.isSafeInteger(edit.seed);
  switch (edit.kind) {
    case "paint":
      return isCount(edit.code) && areCounts(edit.cells);
    case "restore":
      return areCounts(edit.cells);
    case "swap":
      return areCounts(edit.codes, 2);
    case "shuffle":
    case "noise":
      return isShare;
    case "mask":
      return isShare && isCount(edit.code);
    default:
      return false;
  }
}

/**
 * Checks that an edit fits a grid and a codebook.
 *
 * @throws {RangeError} if a cell or a code is beyond them
 */
export function checkEdit(edit: Edit, { cells, codes }: { cells: number; codes: number }): void {
  const usedCells = "cells" in edit ? edit.cells : [];
  const usedCodes = "codes" in edit ? edit.codes : "code" in edit ? [edit.code] : [];
  if (usedCells.some((cell) => cell >= cells)) throw new RangeError(`Cannot apply the edit: there are ${cells} tokens`);
  if (usedCodes.some((code) => code >= codes)) throw new RangeError(`Cannot apply the edit: there are ${codes} codes`);
}

/** Deflates bytes, as base64 for URLs. */
async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const text = Array.from(
    new Uint8Array(await new Response(packed).arrayBuffer()),
    (byte) => String.fromCharCode(byte),
  );
  return btoa(text.join("")).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Inflates what {@linkcode deflate} wrote, up to a limit. */
async function inflate(text: string, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const packed = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    length += next.value.length;
    if (length > limit) throw new RangeError(`it unpacks to more than ${limit} bytes`);
    chunks.push(next.value);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/**
 * Reads the text chunks of a PNG that can hold its orientation: EXIF in hexadecimal digits, and XMP.
 *
 * @module
 */

import { cannotDecode } from "../errors.ts";
import { Inflater } from "../inflate.ts";

/** The keywords of these texts. */
export const EXIF_KEYWORD = "Raw profile type exif", XMP_KEYWORD = "XML:com.adobe.xmp";

/** Longest inflated text in bytes. PIL refuses files with longer ones. */
const MAX_TEXT_BYTES = 2 ** 20;

const LATIN1 = new TextDecoder("latin1");

/** Most such texts in a file: each may inflate to the longest size. */
const MAX_TEXTS = 8;

/** A tEXt, zTXt or iTXt chunk. */
export interface TextChunk {
  readonly type: string;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** The texts by keyword; the last readable one, if there are several. */
export function readTexts(chunks: readonly TextChunk[]): Record<string, string> {
  const read = chunks.filter(({ data }) => [EXIF_KEYWORD, XMP_KEYWORD].includes(keywordOf(data)));
  if (read.length > MAX_TEXTS) {
    throw cannotDecode(`this PNG has ${read.length} texts of EXIF and XMP, more than ${MAX_TEXTS}; save it again`);
  }
  return Object.fromEntries(read.flatMap((chunk) => {
    const text = readText(chunk);
    return text === undefined ? [] : [[keywordOf(chunk.data), text]];
  }));
}

function keywordOf(data: Uint8Array): string {
  return toText(data.subarray(0, Math.max(0, data.indexOf(0))));
}

function readText({ type, data }: TextChunk): string | undefined {
  let start = data.indexOf(0) + 1;
  let isDeflated = type === "zTXt", method = 0;
  if (type === "zTXt") method = data[start++];
  if (type === "iTXt") {
    isDeflated = data[start] !== 0;
    method = data[start + 1];
    const languageEnd = data.indexOf(0, start + 2);
    const translationEnd = data.indexOf(0, languageEnd + 1);
    if (languageEnd < 0 || translationEnd < 0) return undefined;
    start = translationEnd + 1;
  }
  const content = data.subarray(start);
  if (!isDeflated) return toText(content);
  if (method !== 0) return undefined;
  const text = new Uint8Array(MAX_TEXT_BYTES);
  try {
    return toText(text.subarray(0, new Inflater([content]).fill(text)));
  } catch {
    return undefined;
  }
}

/** The EXIF block in a text of a blank line, a name, a length, and hexadecimal digits. */
export function exifOfText(text = ""): Uint8Array | undefined {
  const digits = text.split("\n").slice(3).join("").replace(/\s/g, "");
  if (digits.length === 0 || digits.length % 2 > 0 || /[^0-9a-f]/i.test(digits)) return undefined;
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** Decodes Latin-1, which is enough: the keywords and values used are ASCII. */
function toText(bytes: Uint8Array): string {
  return LATIN1.decode(bytes);
}

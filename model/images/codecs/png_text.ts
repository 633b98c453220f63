/**
 * What programs put into the texts of a PNG that tells how to turn it: EXIF in hexadecimal digits, and XMP.
 *
 * @module
 */

import { inflate } from "./inflate.ts";

/** The keywords of such texts. */
export const EXIF_KEYWORD = "Raw profile type exif", XMP_KEYWORD = "XML:com.adobe.xmp";

/** How long a text may become when it is inflated; PIL refuses files with longer ones. */
const MAX_TEXT_BYTES = 2 ** 20;

/** The text of a tEXt, zTXt or iTXt chunk under its keyword, if it is one of the two. */
export function readText(type: string, data: Uint8Array<ArrayBuffer>): Record<string, string> {
  const keywordEnd = data.indexOf(0);
  const keyword = keywordEnd < 0 ? "" : toText(data.subarray(0, keywordEnd));
  if (keyword !== EXIF_KEYWORD && keyword !== XMP_KEYWORD) return {};
  let start = keywordEnd + 1;
  let isDeflated = type === "zTXt", method = 0;
  if (type === "zTXt") method = data[start++];
  if (type === "iTXt") {
    isDeflated = data[start] !== 0;
    method = data[start + 1];
    const languageEnd = data.indexOf(0, start + 2);
    const translationEnd = data.indexOf(0, languageEnd + 1);
    if (languageEnd < 0 || translationEnd < 0) return {};
    start = translationEnd + 1;
  }
  const content = data.subarray(start);
  if (!isDeflated) return { [keyword]: toText(content) };
  if (method !== 0) return {};
  const { inflated, isDamaged } = inflate(content, MAX_TEXT_BYTES);
  return isDamaged ? {} : { [keyword]: toText(inflated) };
}

/** The EXIF block of a text: a blank line, a name, a length, and hexadecimal digits. */
export function exifOfText(text = ""): Uint8Array | undefined {
  const digits = text.split("\n").slice(3).join("").replace(/\s/g, "");
  return /^([0-9a-f]{2})+$/i.test(digits)
    ? Uint8Array.from(digits.match(/../g)!, (byte) => parseInt(byte, 16))
    : undefined;
}

/** Everything that matters here is ASCII. */
function toText(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

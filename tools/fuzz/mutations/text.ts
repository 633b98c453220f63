/**
 * Damages texts: JSON, headers, arguments.
 *
 * @module
 */

import type { Random } from "../random.ts";
import { type Mutate, NUMBERS } from "./bytes.ts";

/** Texts that break programs. */
export const NASTY = [
  ...["", " ", "\0", "\x1b[2J\x1b[31m", "\r\n", "\u202e", "\ud800", "é", "💾", "a".repeat(5000), "/".repeat(300)],
  ...["cut", "stall"], // ends of a response in `targets/hub_answers.ts`
  ...["__proto__", "constructor", "toString", "length", "null", "NaN", "-", "--", "--help=", "=", "%", "%00", "$HOME"],
  ...["../../etc/passwd", "/etc/passwd", "C:\\", "file:///etc/passwd", "http://[", "data:,", "~", ".", ".."],
];

/** Numbers in texts. */
const LITERALS = [
  ...NUMBERS.map(String),
  "-1",
  "-0",
  "0.5",
  "1e999",
  "1e21",
  `${2 ** 53}`,
  `${2n ** 64n}`,
  "01",
  "0x10",
];

/** Replaces a number or a word, nests, repeats, cuts, or inserts one of {@linkcode NASTY}. */
export function mutateText(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const end = at + random.below(40);
  switch (random.below(6)) {
    case 0:
      return replaceOne(text, /\d+/g, random.pick(LITERALS), random);
    case 1:
      return replaceOne(text, /\w+/g, random.pick(NASTY), random);
    case 2: {
      const depth = random.pick([1, 10, 1000, 100_000]);
      return replaceOne(text, /\w+/g, random.pick(["[", "(", '{"":']).repeat(depth), random);
    }
    case 3:
      return text.slice(0, at) + text.slice(at, end).repeat(random.pick([2, 100, 1000])) + text.slice(end);
    case 4:
      return text.slice(0, at) + text.slice(end);
    default:
      return text.slice(0, at) + random.pick(NASTY) + text.slice(at);
  }
}

/** The same for the bytes of a text in UTF-8. */
export const mutateTextBytes: Mutate = (bytes, random) =>
  new TextEncoder().encode(mutateText(new TextDecoder().decode(bytes), random));

function replaceOne(text: string, pattern: RegExp, replacement: string, random: Random): string {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return text + replacement;
  const { 0: { length }, index } = random.pick(found);
  return text.slice(0, index) + replacement + text.slice(index + length);
}

/**
 * Letters as lines, for pictures: fonts would be files to ship, or not the same on every machine.
 *
 * @module
 */

import type { Point, Text } from "./drawing.ts";

/**
 * The lines of each letter. A point is two digits to the base 36, to the right and down: capitals are from 0 to the baseline
 * at i = 18, small letters from 6, and descend to o = 24.
 */
export const GLYPHS: Readonly<Record<string, readonly string[]>> = {
  " ": [],
  ",": ["2h 2i 0l"],
  ".": ["0h 0i"],
  "0": ["30 70 92 a6 ac 9g 7i 3i 1g 0c 06 12 30"],
  "1": ["03 40 4i"],
  "2": ["04 12 30 70 92 a4 a6 98 0i ai"],
  "3": ["03 12 30 70 92 a4 a5 97 78 48 78 9a ac ae 9g 7i 3i 1g 0f"],
  "4": ["7i 70 0d ad"],
  "5": ["90 10 08 26 76 98 ab ad 9g 7i 3i 1g 0f"],
  "6": ["a3 92 70 30 12 06 0c 1g 3i 7i 9g ad ab 99 77 37 19 0b"],
  "7": ["00 a0 4i"],
  "8": ["30 70 92 96 78 38 16 12 30", "38 1a 0c 0f 1g 3i 7i 9g af ac 9a 78"],
  "9": ["0f 1g 3i 7i 9g ac a6 92 70 30 12 05 07 19 3b 7b 99 a7"],
  "B": ["78 08", "00 0i 7i 9g ae ac 9a 78 96 92 70 00"],
  "K": ["00 0i", "a0 0b", "47 ai"],
  "M": ["0i 00 7c e0 ei"],
  "T": ["00 c0", "60 6i"],
  "a": ["a6 ai", "ab 98 76 36 18 0b 0d 1g 3i 7i 9g ad"],
  "b": ["00 0i", "0b 18 36 76 98 ab ad 9g 7i 3i 1g 0d"],
  "c": ["98 76 36 18 0b 0d 1g 3i 7i 9g"],
  "d": ["a0 ai", "ab 98 76 36 18 0b 0d 1g 3i 7i 9g ad"],
  "e": ["0c ac ab 98 76 36 18 0b 0d 1g 3i 7i 9g"],
  "f": ["70 50 32 3i", "06 66"],
  "g": ["ab 98 76 36 18 0b 0d 1g 3i 7i 9g ad", "a6 ak 9m 7o 3o 1m"],
  "h": ["00 0i", "0b 18 36 66 88 9b 9i"],
  "i": ["06 0i", "01 02"],
  "j": ["46 4k 3n 1o 0o", "41 42"],
  "k": ["00 0i", "86 0e", "3b 9i"],
  "l": ["00 0i"],
  "m": ["06 0i", "0b 18 36 56 78 8b 8i", "8b 98 b6 d6 f8 gb gi"],
  "n": ["06 0i", "0b 18 36 66 88 9b 9i"],
  "o": ["36 76 98 ab ad 9g 7i 3i 1g 0d 0b 18 36"],
  "p": ["06 0o", "0b 18 36 76 98 ab ad 9g 7i 3i 1g 0d"],
  "q": ["a6 ao", "ab 98 76 36 18 0b 0d 1g 3i 7i 9g ad"],
  "r": ["06 0i", "0b 18 36 56"],
  "s": ["97 76 26 08 0a 2b 7d 9e 9g 7i 2i 0h"],
  "t": ["32 3f 5i 7i", "06 76"],
  "u": ["06 0d 1g 3i 6i 8g 9d", "96 9i"],
  "v": ["06 5i a6"],
  "w": ["06 4i 86 ci g6"],
  "x": ["06 9i", "96 0i"],
  "y": ["06 5i", "a6 5i 3m 1o 0o"],
  "z": ["06 96 0i 9i"],
};

/** Height of a line of text, where its baseline is, and the widths of gaps between letters and of a space. */
const [LINE, BASELINE, GAP, SPACE] = [25, 18, 5, 3];

/** The lines of a text, in pixels of its drawing. */
export function linesOf({ text, at: [x, y], anchor, size, isUpright }: Text): Point[][] {
  const unit = size / LINE;
  const letters = Array.from(text, (letter) => GLYPHS[letter].map(pointsOf));
  const widths = letters.map((lines) => GAP + (lines.length === 0 ? SPACE : Math.max(...lines.flat().map(([x]) => x))));
  const length = widths.reduce((sum, width) => sum + width, -GAP);
  let left = { start: 0, middle: -length / 2, end: -length }[anchor];
  return letters.flatMap((lines, i) => {
    const start = left;
    left += widths[i];
    return lines.map((line) =>
      line.map(([right, down]): Point => {
        const [along, below] = [unit * (start + right), unit * (down - BASELINE)];
        return isUpright ? [x + below, y - along] : [x + along, y + below];
      })
    );
  });
}

function pointsOf(line: string): Point[] {
  return line.split(" ").map(([right, down]) => [parseInt(right, 36), parseInt(down, 36)]);
}

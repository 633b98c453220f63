/**
 * Damage to YAML by line.
 *
 * @module
 */

import type { Random } from "../random.ts";
import type { Mutate } from "./bytes.ts";
import { mutateList } from "./lists.ts";
import { mutateText } from "./text.ts";

/** Lines that parsers have stumbled over: aliases of aliases, circles, tags that would run code, merges, directives. */
const LINES = [
  ...["&a [x, x]", "*a", "a: &a [*a]", "<<: *a", "<<: {model: 1}", "? {a: b}", "? [a]\n: b", "- - - -"],
  ...["!!python/object/apply:os.system ['id']", "!!js/function 'f'", "!!binary '%%'", "!<tag:x> y", "!!set {a}"],
  ...["%YAML 9.9", "%TAG ! x:", "---", "...", "a: |", "a: >-9", "\ta: b", "a: b: c", "'", '"\\x', "#", "[", "{a: "],
  ...["__proto__: {x: 1}", "constructor: 1", "model: &m {params: *m}", "a: .nan", "a: 0o777", "a: 2001-01-01"],
  bomb(6),
  bomb(40),
];

/** Changes a line, or adds one that means something; and now and then changes the text. */
export const mutateYaml: Mutate = (bytes, random) => {
  const text = new TextDecoder().decode(bytes);
  return new TextEncoder().encode(random.chance(0.3) ? mutateText(text, random) : mutateLines(text, random));
};

function mutateLines(text: string, random: Random): string {
  const lines = text.split("\n");
  if (random.chance(0.5)) return mutateList(lines, random, (line) => mutateText(line, random)).join("\n");
  const indent = " ".repeat(random.pick([0, 0, 2, 4]));
  return lines.toSpliced(random.below(lines.length + 1), 0, indent + random.pick(LINES)).join("\n");
}

/** Lists of nine times the list before. */
function bomb(depth: number): string {
  const list = (i: number) => `a${i}: &a${i} [${Array(9).fill(i === 0 ? "x" : `*a${i - 1}`)}]`;
  return Array.from({ length: depth }, (_, i) => list(i)).join("\n");
}

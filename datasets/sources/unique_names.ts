/**
 * Names that differ from each other.
 *
 * @module
 */

/** Puts `-2`, `-3`, … behind names that were there before. */
export function makeUnique(names: readonly string[]): string[] {
  const used = new Set(names);
  const seen = new Set<string>();
  return names.map((name) => {
    if (!seen.has(name)) {
      seen.add(name);
      return name;
    }
    let number = 2;
    while (used.has(`${name}-${number}`)) number++;
    used.add(`${name}-${number}`);
    return `${name}-${number}`;
  });
}

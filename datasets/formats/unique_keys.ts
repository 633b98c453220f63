/**
 * Keys that differ from each other, also if files of one data set have the same.
 *
 * @module
 */

/**
 * Makes a function that puts `-2`, `-3`, … behind texts that it returned before.
 *
 * @param fold makes texts equal that count as the same
 */
export function uniqueTexts(fold = (text: string) => text): (text: string) => string {
  const used = new Set<string>();
  const counts = new Map<string, number>();
  return (text) => {
    let [number, unique] = [counts.get(fold(text)) ?? 1, text];
    while (used.has(fold(unique))) unique = `${text}-${++number}`;
    if (unique !== text) counts.set(fold(text), number);
    used.add(fold(unique));
    return unique;
  };
}

/** Gives records with the same key other keys. That of a mirrored picture goes with the one before it. */
export async function* withUniqueKeys<T extends { readonly key: string; readonly augment?: string }>(
  items: AsyncIterable<T>,
): AsyncGenerator<T> {
  const unique = uniqueTexts();
  let last = { found: "", given: "" };
  for await (const item of items) {
    const isMirrored = item.augment !== undefined && item.key === `${last.found}_hflip`;
    const key = unique(isMirrored ? `${last.given}_hflip` : item.key);
    if (!isMirrored) last = { found: item.key, given: key };
    yield { ...item, key };
  }
}

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

/** Gives records with the same key other keys. */
export async function* withUniqueKeys<T extends { readonly key: string }>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const unique = uniqueTexts();
  for await (const item of items) yield { ...item, key: unique(item.key) };
}

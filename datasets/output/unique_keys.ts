/**
 * Keys that differ from each other, also if files of one data set have the same.
 *
 * @module
 */

/** Puts `-2`, `-3`, … behind keys that were there before. */
export async function* withUniqueKeys<T extends { readonly key: string }>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const keys = new Set<string>();
  for await (const item of items) {
    let key = item.key;
    for (let number = 2; keys.has(key); number++) key = `${item.key}-${number}`;
    keys.add(key);
    yield { ...item, key };
  }
}

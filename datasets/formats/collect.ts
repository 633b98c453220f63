/**
 * Reads streams to their end.
 *
 * @module
 */

/** All values of a stream: `Array.fromAsync`, which Node 20 lacks. */
export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

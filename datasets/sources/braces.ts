/**
 * Braces in addresses, as shells and WebDataset write them.
 *
 * @module
 */

/** Most addresses that one text may stand for. */
const MAX_ADDRESSES = 1_000_000;

/**
 * Expands `{a,b}` and `{000..099}`, in the order in which they are written. Numbers keep their leading zeros.
 *
 * @throws {RangeError} if there are more than a million
 */
export function expandBraces(text: string): string[] {
  const [whole, start, inner, end] = /^(.*?)\{([^{}]*(?:,|\d\.\.\d)[^{}]*)\}(.*)$/s.exec(text) ?? [];
  if (whole === undefined) return [text];
  const ends = expandBraces(end);
  const choices = choicesOf(inner);
  if (choices.length * ends.length > MAX_ADDRESSES) {
    throw new RangeError(`Cannot read ${text}: expected at most ${MAX_ADDRESSES} addresses, found more`);
  }
  return choices.flatMap((choice) => ends.map((end) => start + choice + end));
}

function choicesOf(inner: string): string[] {
  const [, from, to] = /^(\d+)\.\.(\d+)$/.exec(inner) ?? [];
  if (from === undefined) return inner.split(",");
  const count = Math.abs(Number(to) - Number(from)) + 1;
  if (count > MAX_ADDRESSES) return new Array(MAX_ADDRESSES + 1).fill("");
  const step = Number(from) <= Number(to) ? 1 : -1;
  const width = /^0\d/.test(from) || /^0\d/.test(to) ? Math.max(from.length, to.length) : 0;
  return Array.from({ length: count }, (_, i) => `${Number(from) + i * step}`.padStart(width, "0"));
}

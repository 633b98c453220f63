/**
 * Amounts of bytes as text, as in `--memory-limit`.
 *
 * @module
 */

/** A number of bytes, with or without a unit. */
export const BYTES = /^(?=[\d.]*[1-9])(\d+(?:\.\d+)?(?:e\d+)?) ?(?:([kmgt]i?)?b)?$/i;

/** The number of bytes in a text of the form {@linkcode BYTES}: `1.5e9`, `512MB` (1000² each), `2GiB` (1024³ each). */
export function bytesOf(text: string): number {
  const [, number, unit = ""] = BYTES.exec(text)!;
  const [prefix = "", binary] = unit.toLowerCase();
  return Number(number) * (binary ? 1024 : 1000) ** ["", "k", "m", "g", "t"].indexOf(prefix);
}

/** An amount of bytes for people, such as `1.23 GB` (1000² each). */
export function showBytes(bytes: number): string {
  const power = Math.min(4, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  const unit = ["B", "kB", "MB", "GB", "TB"][power];
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${unit}`;
}

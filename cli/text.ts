/**
 * Formatting of text and numbers.
 *
 * @module
 */

/** A table of two columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`).join("\n");
}

/** Indents every line by two spaces. */
export function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}

/** A number with commas between its thousands. */
export function count(value: number): string {
  return value.toLocaleString("en");
}

/** A number and what it counts: `1 picture`, `2,000 pictures`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Milliseconds as seconds, with two digits after the point. */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

/** Wraps a text into lines of at most `length` characters. */
export function wrap(text: string, length: number): string[] {
  return text.match(new RegExp(`\\S.{0,${length - 1}}(?= |$)`, "g")) ?? [];
}

/** The message of an error on one line, with the names of options as on the command line. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : `${error}`;
  return message.replace(/\s*\n\s*/g, " ").replace(/\bmaxPixels\b/, "--max-pixels");
}

/**
 * How the command line writes things down.
 *
 * @module
 */

/** Two columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`).join("\n");
}

/** Every line two spaces further right. */
export function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}

/** A number with commas between its thousands. */
export function count(value: number): string {
  return value.toLocaleString("en");
}

/** Milliseconds as seconds, with two digits after the point. */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

/** The message of an error, without line breaks. */
export function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : `${error}`).replace(/\s*\n\s*/g, " ");
}
